{{ config(enabled=harvest.has_streams('user_billable_rates')) }}

{%- set held = harvest.columns_of(source('harvest', 'user_billable_rates')) %}

with

source as (

    select * from {{ source('harvest', 'user_billable_rates') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'user_id', 'integer') }} as user_id,
        {{ harvest.column(held, 'id', 'integer') }} as user_billable_rate_id,

        -- numbers
        {{ harvest.column(held, 'amount', 'number') }} as amount,

        -- dates
        {{ harvest.column(held, 'start_date', 'date') }} as start_date,
        {{ harvest.column(held, 'end_date', 'date') }} as end_date,

        -- timestamps
        {{ harvest.column(held, 'created_at', 'date-time') }} as created_at,
        {{ harvest.column(held, 'updated_at', 'date-time') }} as updated_at

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
