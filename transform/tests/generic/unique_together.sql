{# Fails for each value that several columns have together more than once. #}
{% test unique_together(model, columns) %}

{%- set names = [] -%}
{%- for column in columns -%}{%- do names.append(adapter.quote(column)) -%}{%- endfor %}

select {{ names | join(', ') }}
from {{ model }}
group by {{ names | join(', ') }}
having count(*) > 1

{% endtest %}
