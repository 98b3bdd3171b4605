# npm start runs this: a registry and the gateway of gateway.yml. Services register at http://127.0.0.1:8761/eureka/.
name: {{name}}
platform: { gateway: { config: gateway.yml } }
