import { errorTable } from '@breakwater/starter/errors'

/** Everything the command line can refuse or report. */
export const error = errorTable({
  E_USAGE: { text: '%s', next: 'Run "breakwater help" for the commands and their options.' },
  E_NO_STACK: {
    text: 'there is no breakwater.yml here, and no key "breakwater" in a package.json.',
    next: 'Write one ("breakwater schema" prints what it may have), or name it by --file.'
  },
  E_STACK_FILE: { text: '%s', next: 'See docs/up.md for what a breakwater.yml may have.' },
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
    text: '%s exited with %s; %s.',
    next: 'Its last lines are above.'
  },
  E_SERVICE_SLOW: {
    text: '%s was not ready after %s s and was ended.',
    next: 'Its last lines are above. A machine under load may need --start-timeout SECONDS.'
  },
  E_SERVICE_PORT: {
    text: '%s cannot have port %s, somebody else has it (above).',
    next: 'End that program, or give this one another port: --port %s=%s'
  },
  E_STACK_RUNNING: {
    text: 'a stack runs already with process %s and the data folder %s.',
    next: 'End it with "breakwater down", or give this one another folder: --data FOLDER'
  },
  E_NO_RUNNING_STACK: {
    text: 'no stack runs with the data folder %s.',
    next: 'Start one with "breakwater up", or name the folder of another: --data FOLDER'
  },
  E_STACK_REFUSED: { text: '%s' },
  E_STACK_SILENT: { text: 'the stack of process %s does not answer (%s).', next: 'It may be ending at the moment.' },
  E_NO_LOGS: { text: 'there are no logs in %s.', next: 'Start the stack with "breakwater up", or name its folder: --data FOLDER' },
  E_NO_ANSWER: { text: '%s: %s.' },
  E_NOT_UP: { text: '%s is not up in this stack.', next: '"breakwater ps" tells what is.' },
  E_TOO_LATE: { text: '%s.', next: '"breakwater logs NAME" tells more; --timeout SECONDS waits longer.' },
  E_SCAFFOLD: { text: '%s' },
  E_FAILED: { text: '%s' },
  E_STOPPED: { text: 'the start was cut short.' },
  E_NOT_READY: {
    text: '%s',
    next: 'All processes run; what is missing is between them. Their logs are in %s.'
  },
  E_REGISTRATION: { text: '%s could not be registered.', next: 'It runs, but cannot be called by its name.' }
})
