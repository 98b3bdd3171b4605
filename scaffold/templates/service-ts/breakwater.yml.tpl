# npm start runs this: a registry, a config server, a gateway, and
name: {{name}}
platform: { config-server: true }
services:
  {{service}}: { script: {{service}}/main.ts, watch: [ {{service}} ], check: /{{service}}/1 }
