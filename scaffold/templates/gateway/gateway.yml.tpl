# As for Spring Cloud Gateway. `npx breakwater gateway --config gateway.yml` runs it alone.
spring:
  application: { name: gateway }
  cloud.gateway:
    default-filters: [ Retry=2 ]
    routes:
    - id: users
      uri: lb://users
      predicates: [ "Path=/users/**" ]
      filters: [ CircuitBreaker=users ]
breakwater.gateway.access-log.enabled: true
