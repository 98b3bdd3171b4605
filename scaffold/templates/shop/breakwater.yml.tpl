# npm start runs this: a registry, a gateway, the bus, and two services.
name: {{name}}
platform: { bus: true }
services:
  shop: { script: shop/main.ts, watch: [ shop ], route: /carts/**, check: /carts/none }
  payments: { script: payments/main.ts, watch: [ payments ], route: false }
examples:
  - |-
    curl -s {gateway}/carts -H 'content-type: application/json' -d '{"amount":70}'
  - npx breakwater sagas
