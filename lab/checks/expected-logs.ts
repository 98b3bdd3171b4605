/** Warnings and errors that faults explain: what is said, by whom, and behind which faults. */

export interface Expected {
  /** Anybody when it is not given. */
  readonly process?: RegExp
  /** Of the message, the piece of work and the error, parted by ` | `. */
  readonly text: RegExp
  /** One of these must have come in the run. */
  readonly after: readonly string[]
}

/** A process is away for a while, or its answers are. */
const AWAY = ['SIGKILL', 'kill point', 'restart (SIGTERM)', 'process stopped (SIGSTOP)', 'silent participant',
  'slow participant', 'rolling deploy, new fields']
const BUS_AWAY = [...AWAY, 'bus down', 'disk full']
const STORE_AWAY = ['disk full', 'database locked', 'table locked', 'PostgreSQL killed', 'PostgreSQL read-only', 'Redis killed']

export const EXPECTED: readonly Expected[] = [
  { process: /^gateway$/, text: /^instance (left out|answers again)/, after: [...AWAY, ...STORE_AWAY] },
  { process: /^gateway$/, text: /^breaker \S+ is (OPEN|HALF_OPEN)/, after: [...AWAY, ...STORE_AWAY] },
  { text: /^registry (lost, the last known instances go on serving|not reached, trying again)/, after: ['SIGKILL', 'process stopped (SIGSTOP)'] },
  { text: /^could not deregister, the lease will end by itself/, after: AWAY },
  { text: /^background work fails \| "?projection orders \| "?E_(NO_INSTANCE|UPSTREAM|DEADLINE|BREAKER_OPEN)/,
    after: [...AWAY, ...STORE_AWAY] },
  { text: /^(background work fails|the relay waits for the bus) \| .*E_BUS_DOWN/, after: BUS_AWAY },
  {
    text: /^(background work fails|the relay waits for its store|request failed|the deadline of a saga could not be handled) \| .*(E_STORE_BUSY|somebody else holds what is needed)/,
    after: ['database locked'] },
  {
    text: /^(background work fails|the relay waits for its store|request failed|the deadline of a saga could not be handled) \| .*(E_STORE_|the store has no room left|the store does not answer)/,
    after: STORE_AWAY },
  { process: /^bus$/, text: /^the bus could not write or read \| .*E_STORE_(FULL|DOWN)/, after: ['disk full'] },
  { process: /^order-history$/, text: /^request failed \| the order \S+ is not here in version \d+ yet/, after: [...BUS_AWAY, ...STORE_AWAY] },
  { text: /^breaker changed state/, after: [...AWAY, ...STORE_AWAY] },
  { text: /^a message is a dead letter \| .*(E_MESSAGE_INVALID|the body is no JSON)/, after: ['poison'] },
  { process: /^discovery$/, text: /^a registration is older than the one known here/, after: ['clock jump'] },
  { process: /^orders$/, text: /^sagas were dated by a clock that was ahead/, after: ['clock jump'] },
  // A start on a full disk, which its supervisor repeats.
  { text: /^E_STORE_FULL /, after: ['disk full'] },
  // lmdb tells its own troubles on stderr, line by line.
  { process: /^inventory$/, text: /^(Error: |Write error: |\s+at .*lmdb\/|\s+code: (5|28)$|\}$)/, after: ['disk full'] },
  // It ends while somebody still asks.
  { text: /^(background work fails|request failed) \| .*it is closed/, after: AWAY },
  { process: /^users-/, text: /^could not take over \| .*E_STORE_FULL/, after: ['disk full'] },
  { process: /^users-/, text: /^request failed \| .*the instance that owns the users does not answer/, after: AWAY }
]
