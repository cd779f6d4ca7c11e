{{ config(enabled=harvest.has_streams('contacts')) }}

{%- set held = harvest.columns_of(source('harvest', 'contacts')) %}

with

source as (

    select * from {{ source('harvest', 'contacts') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'id', 'integer') }} as contact_id,
        {{ harvest.column(held, 'client__id', 'integer') }} as client_id,

        -- strings
        {{ harvest.column(held, 'title', 'string') }} as title,
        {{ harvest.column(held, 'first_name', 'string') }} as first_name,
        {{ harvest.column(held, 'last_name', 'string') }} as last_name,
        {{ harvest.column(held, 'email', 'string') }} as email,
        {{ harvest.column(held, 'phone_office', 'string') }} as phone_office,
        {{ harvest.column(held, 'phone_mobile', 'string') }} as phone_mobile,
        {{ harvest.column(held, 'fax', 'string') }} as fax,
        {{ harvest.column(held, 'invoice_recipient_status', 'string') }} as invoice_recipient_status,
        {{ harvest.column(held, 'client__name', 'string') }} as client_name,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
