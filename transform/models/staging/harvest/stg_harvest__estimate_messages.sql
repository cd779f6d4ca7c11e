{{ config(enabled=harvest.has_streams('estimate_messages')) }}

{%- set held = harvest.columns_of(source('harvest', 'estimate_messages')) %}

with

source as (

    select * from {{ source('harvest', 'estimate_messages') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'estimate_id', 'integer') }} as estimate_id,
        {{ harvest.column(held, 'id', 'integer') }} as estimate_message_id,

        -- strings
        {{ harvest.column(held, 'sent_by', 'string') }} as sent_by,
        {{ harvest.column(held, 'sent_by_email', 'string') }} as sent_by_email,
        {{ harvest.column(held, 'sent_from', 'string') }} as sent_from,
        {{ harvest.column(held, 'sent_from_email', 'string') }} as sent_from_email,
        {{ harvest.column(held, 'event_type', 'string') }} as event_type,
        {{ harvest.column(held, 'subject', 'string') }} as subject,
        {{ harvest.column(held, 'body', 'string') }} as body,

        -- lists
        {{ harvest.column(held, 'recipients', 'array') }} as recipients,

        -- booleans
        {{ harvest.column(held, 'send_me_a_copy', 'boolean') }} as is_copied_to_sender,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
