{{ config(enabled=harvest.has_streams('company')) }}

{%- set held = harvest.columns_of(source('harvest', 'company')) %}

with

source as (

    select * from {{ source('harvest', 'company') }}

),

renamed as (

    select
        -- ids
        {{ harvest.column(held, 'account_id', 'integer') }} as account_id,

        -- strings
        {{ harvest.column(held, 'base_uri', 'string') }} as base_uri,
        {{ harvest.column(held, 'full_domain', 'string') }} as full_domain,
        {{ harvest.column(held, 'name', 'string') }} as company_name,
        {{ harvest.column(held, 'week_start_day', 'string') }} as week_start_day,
        {{ harvest.column(held, 'time_format', 'string') }} as time_format,
        {{ harvest.column(held, 'date_format', 'string') }} as date_format,
        {{ harvest.column(held, 'plan_type', 'string') }} as plan_type,
        {{ harvest.column(held, 'clock', 'string') }} as clock,
        {{ harvest.column(held, 'currency', 'string') }} as currency,
        {{ harvest.column(held, 'currency_code_display', 'string') }} as currency_code_display,
        {{ harvest.column(held, 'currency_symbol_display', 'string') }} as currency_symbol_display,
        {{ harvest.column(held, 'decimal_symbol', 'string') }} as decimal_symbol,
        {{ harvest.column(held, 'thousands_separator', 'string') }} as thousands_separator,
        {{ harvest.column(held, 'color_scheme', 'string') }} as color_scheme,

        -- numbers
        {{ harvest.column(held, 'weekly_capacity', 'integer') }} as weekly_capacity,

        -- booleans
        {{ harvest.column(held, 'is_active', 'boolean') }} as is_active,
        {{ harvest.column(held, 'wants_timestamp_timers', 'boolean') }} as has_timestamp_timers,
        {{ harvest.column(held, 'expense_feature', 'boolean') }} as has_expense_feature,
        {{ harvest.column(held, 'invoice_feature', 'boolean') }} as has_invoice_feature,
        {{ harvest.column(held, 'estimate_feature', 'boolean') }} as has_estimate_feature,
        {{ harvest.column(held, 'team_feature', 'boolean') }} as has_team_feature,
        {{ harvest.column(held, 'approval_feature', 'boolean') }} as has_approval_feature,
        {{ harvest.column(held, 'saml_sign_in_required', 'boolean') }} as is_saml_sign_in_required,
        {{ harvest.column(held, 'day_entry_notes_required', 'boolean') }} as is_day_entry_notes_required,
        {{ harvest.column(held, 'approval_required', 'boolean') }} as is_approval_required

    from source
    where {{ harvest.is_not_deleted(held) }}

)

select * from renamed
