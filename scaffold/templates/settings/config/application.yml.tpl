# Served to all services by the config server; one named like a service, such as {{service}}.yml, to that service alone.
greeting: hello
