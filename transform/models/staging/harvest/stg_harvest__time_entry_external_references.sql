{{ config(enabled=harvest.has_streams('time_entry_external_references')) }}

{%- set held = harvest.columns_of(source('harvest', 'time_entry_external_references')) %}

with

source as (

    select * from {{ source('harvest', 'time_entry_external_references') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'time_entry_id', 'integer') }} as time_entry_id,
        {{ harvest.column(held, 'id', 'string') }} as external_reference_id,
        {{ harvest.column(held, 'group_id', 'string') }} as group_id,
        {{ harvest.column(held, 'external_account_id', 'string') }} as external_account_id,

        -- strings
        {{ harvest.column(held, 'permalink', 'string') }} as permalink,
        {{ harvest.column(held, 'service', 'string') }} as service,
        {{ harvest.column(held, 'service_icon_url', 'string') }} as service_icon_url,

        -- timestamps
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
