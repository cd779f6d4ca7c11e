"""Clients and their contacts."""

from typing import ClassVar

from tap_harvest.fields import boolean, fields, key, reference, string, timestamp
from tap_harvest.reading.stream import HarvestStream


class Clients(HarvestStream):
    """The companies and people that work is done for.

    Harvest API, "Clients": https://help.getharvest.com/api-v2/clients-api/clients/clients/
    """

    name = "clients"
    path = "/clients"
    filters: ClassVar = {"is_active": "boolean"}
    schema = fields(
        key("id", "Id of the client."),
        string("name", "Name of the client."),
        boolean("is_active", "Whether the client is current, not archived."),
        string("address", "Postal address, of one or more lines."),
        string("statement_key", "Secret part of the client's public statement page."),
        timestamp("created_at", "When the client was made."),
        timestamp("updated_at", "When the client last changed."),
        string("currency", "ISO 4217 code in which the client is billed."),
    )


class Contacts(HarvestStream):
    """The people at clients; they are deleted, never archived.

    Harvest API, "Client Contacts": https://help.getharvest.com/api-v2/clients-api/clients/contacts/
    """

    name = "contacts"
    path = "/contacts"
    filters: ClassVar = {"client_id": "integer"}
    schema = fields(
        key("id", "Id of the contact."),
        string("title", "Position or form of address."),
        string("first_name", "First name."),
        string("last_name", "Last name."),
        string("email", "E-mail address."),
        string("phone_office", "Telephone at work."),
        string("phone_mobile", "Mobile telephone."),
        string("fax", "Fax number."),
        string("invoice_recipient_status", "Part in invoice mails: none, recipient, cc, bcc."),
        timestamp("created_at", "When the contact was made."),
        timestamp("updated_at", "When the contact last changed."),
        reference("client", "The client that the contact belongs to."),
    )
