import { errorTable } from '@breakwater/starter/errors'

/** Everything the command line can refuse or report. */
export const error = errorTable({
  E_USAGE: { text: '%s', next: 'Run "breakwater help" for the commands and their options.' },
  E_REGISTRY_CALL: {
    text: 'the registry %s did not do it (%s).',
    next: 'Check --registry, the credentials and that it runs.',
    canRetry: true
  },
  E_SERVICE_EXIT: {
    text: '%s exited with %s before it was ready.',
    next: 'Its last lines are above; mend that and start again.'
  },
  E_SERVICE_CRASHED: {
    text: '%s exited with %s; %s',
    next: 'Its last lines are above.'
  },
  E_SERVICE_SLOW: {
    text: '%s was not ready after %s s and was ended.',
    next: 'Its last lines are above. A machine under load may need --start-timeout SECONDS.'
  }
})
