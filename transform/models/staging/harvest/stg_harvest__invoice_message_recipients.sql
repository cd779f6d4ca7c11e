{{ config(enabled=harvest.has_streams('invoice_message_recipients')) }}

{%- set held = harvest.columns_of(source('harvest', 'invoice_message_recipients')) %}

with

source as (

    select * from {{ source('harvest', 'invoice_message_recipients') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'invoice_message_id', 'integer') }} as invoice_message_id,

        -- strings
        {{ harvest.column(held, 'name', 'string') }} as invoice_message_recipient_name,
        {{ harvest.column(held, 'email', 'string') }} as email,

        -- numbers
        {{ harvest.column(held, 'occurrence', 'integer') }} as occurrence,

        -- timestamps
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
