/** The JSON Schema of `breakwater.yml`: it checks the file, and editors complete by it (`breakwater schema`). */

const NAME = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]*$', maxLength: 63 } as const
const PORT = { type: 'integer', minimum: 0, maximum: 65535 } as const
const TEXTS = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } } as const
const TEXT_OR_LIST = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] } as const
const PATH = { type: 'string', pattern: '^/' } as const

const part = {
  config: { type: 'string', description: 'Its settings file.' },
  port: { ...PORT, description: '0: any free one.' },
  env: { ...TEXTS, description: 'Variables of its environment.' }
}

/** `false` leaves it out, `true` takes its defaults. */
function platformPart (description: string, properties: object) {
  return { description, anyOf: [{ type: 'boolean' }, { type: 'object', properties, additionalProperties: false }] }
}

const route = {
  description: 'Through the gateway. Default: /NAME and all below it, unchanged. false: the gateway has its own routes.',
  anyOf: [{ type: 'boolean' }, { ...PATH }, { type: 'array', items: PATH, minItems: 1 }, {
    type: 'object',
    properties: {
      paths: { anyOf: [PATH, { type: 'array', items: PATH, minItems: 1 }] },
      strip: { type: 'integer', minimum: 0, maximum: 20, description: 'Parts of the path that the service does not get to see.' },
      filters: { type: 'array', items: { type: 'string' }, description: 'Filters of Spring Cloud Gateway in their short form.' }
    },
    additionalProperties: false
  }]
}

const service = {
  type: 'object',
  properties: {
    script: { type: 'string', description: 'A JavaScript or TypeScript file, run by the Node of breakwater itself.' },
    command: { type: 'string', minLength: 1, description: 'Any program, by a shell. It is told its port as PORT and SERVER_PORT.' },
    folder: { type: 'string', description: 'Where it runs. Default: the folder of this file.' },
    port: { ...PORT, description: '0 or nothing: any free one.' },
    env: { ...TEXTS, description: 'Variables of its environment.' },
    'env-file': { ...TEXT_OR_LIST, description: 'Files of NAME=value lines; later ones and env win.' },
    health: { ...PATH, description: 'Asked until it answers 2xx. Default: a script says so itself; of a command the open port is enough.' },
    'depends-on': { ...TEXT_OR_LIST, description: 'Names of services and of parts of the platform that must be ready before.' },
    copies: { type: 'integer', minimum: 0, maximum: 64, default: 1 },
    watch: { anyOf: [{ type: 'boolean' }, ...TEXT_OR_LIST.anyOf], description: 'Starts it anew when a file changes: true for its folder, or paths.' },
    register: { type: 'boolean', description: 'Whether it is registered for it. Default: unless it registers itself.' },
    route,
    check: { ...PATH, description: 'Asked through the gateway before the stack is called ready. Default: the first path of its route.' }
  },
  additionalProperties: false,
  oneOf: [{ required: ['script'] }, { required: ['command'] }]
}

export const STACK_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'breakwater.yml',
  description: 'The processes of a stack, started together by "breakwater up".',
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 100, description: 'Shown at its head. Default: the name of the folder.' },
    profile: { enum: ['local', 'consul', 'k8s'], default: 'local', description: 'Unless --profile says another.' },
    platform: {
      type: 'object',
      description: 'Parts of the platform. Default: registry and gateway.',
      properties: {
        discovery: platformPart('The registry, in the profile local.', part),
        'config-server': platformPart('The config server, in the profile local.', {
          ...part, settings: { type: 'string', description: 'The folder whose files it serves. Default: config' }
        }),
        bus: platformPart('The embedded message bus.', part),
        gateway: platformPart('The gateway.', { ...part, 'management-port': { ...PORT, default: 8081 } })
      },
      additionalProperties: false
    },
    services: { type: 'object', propertyNames: NAME, additionalProperties: service },
    groups: {
      type: 'object', propertyNames: NAME, additionalProperties: { type: 'array', items: { type: 'string' } },
      description: 'Names for several services: "breakwater up --only NAME".'
    },
    examples: { type: 'array', items: { type: 'string' }, description: 'Commands shown when all is ready; {gateway} is its address.' }
  },
  additionalProperties: false
}
