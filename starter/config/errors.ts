import { errorTable } from '../errors.ts'

/** Errors of the config server's client. */
export const configError = errorTable({
  E_CONFIG_SERVER: {
    text: 'the config server gave no configuration for %s (%s).',
    next: 'Start it, correct spring.cloud.config.uri, or import it as "optional:configserver:" to start without.',
    canRetry: true
  },
  E_CONFIG_SERVER_ANSWER: { text: 'is no environment of a config server: %s.', next: 'Check spring.cloud.config.uri.' },
  E_CONFIG_SERVER_STATUS: { text: 'answered %s.', canRetry: true },
  E_CONFIG_SERVER_DISCOVERY: {
    text: 'the registry knows no instance of "%s" that is up (%s).',
    next: 'Let the config server register under that name, or set spring.cloud.config.uri.',
    canRetry: true
  }
})
