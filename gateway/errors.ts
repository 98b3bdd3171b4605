/** Everything the gateway says to the person who configures or runs it, in one table. */
import { errorTable } from '@breakwater/starter/errors'

export const error = errorTable({
  E_GATEWAY_SETTING: {
    text: '%s',
    next: 'See docs/gateway.md, "Settings".',
    status: 400
  },
  E_GATEWAY_LISTEN: {
    text: 'cannot listen on %s: %s.',
    next: 'Another process may have the port, or it needs a privilege. Set server.port to another one.'
  },
  E_GATEWAY_ACCESS_LOG: {
    text: 'the access log %s cannot be opened: %s.',
    next: 'breakwater.gateway.access-log.file must be a file in a folder that exists; without it lines go to stdout.'
  },
  E_GATEWAY_CERTIFICATE: {
    text: 'the certificate and its key in %s cannot be used: %s.',
    next: 'PEM files must belong together; a key store must be PKCS12.'
  },
  E_GATEWAY_KEY: {
    text: '"%s" is no setting here.%s',
    status: 400
  },
  E_CACHE_SELECTION: {
    text: '"%s" selects no answers: route, host and path do, each once, and no query at all is every answer.',
    next: 'For example ?path=/users/*.',
    status: 400
  },
  E_ROUTE_DEFINITION: {
    text: 'route "%s": %s',
    status: 400
  },
  E_ROUTE_PREDICATE: {
    text: 'Unable to find RoutePredicateFactory with name %s.%s',
    next: 'GET /actuator/gateway/routepredicates lists all; one of your own code becomes a plugin, see docs/gateway.md, "Plugins".',
    status: 400
  },
  E_ROUTE_FILTER: {
    text: 'Unable to find GatewayFilterFactory with name %s.%s',
    next: 'GET /actuator/gateway/routefilters lists all; one of your own code becomes a plugin, see docs/gateway.md, "Plugins".',
    status: 400
  },
  E_ROUTE_ARGUMENT: {
    text: '%s: %s',
    status: 400
  },
  E_PLUGIN_MISSING: {
    text: '%s: no plugin named "%s" is registered.%s',
    next: 'Register it in a module listed under breakwater.gateway.plugins.',
    status: 400
  },
  E_PLUGIN_LOAD: {
    text: '%s cannot be used: %s.',
    next: 'A plugin is a module that exports const plugin: Plugin; see docs/gateway.md, "Plugins".'
  },
  E_EXPRESSION: {
    text: '%s: "%s" is an expression. Only #{@name} is understood, for a plugin registered in code: evaluating text from the configuration would let anyone who can write it run code here.',
    status: 400
  }
})
