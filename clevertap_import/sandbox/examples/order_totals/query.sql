select
    CUSTOMER_ID,
    count(*) as ORDERS,
    sum(AMOUNT) as SPENT,
    max(ORDERED_AT) as LAST_ORDER,
    max(UPDATED_AT) as UPDATED_AT
from SHOP.PUBLIC.ORDERS
where STATUS <> 'CANCELLED'
group by CUSTOMER_ID
