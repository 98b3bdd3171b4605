import type { Tree } from '../eureka/body.ts'
import { isStatus, type Instance, type Status } from '../registry/instance.ts'
import type { Registry } from '../registry.ts'

/** What a person can do to an instance. */
export interface Action {
  readonly kind: 'override' | 'clear override' | 'deregister'
  readonly app: string
  readonly id: string
  readonly status: Status | undefined
}

const HERE = { replicated: false }
const KINDS: ReadonlySet<unknown> = new Set(['override', 'clear override', 'deregister'])

/** An action from a body; undefined when it is none. */
export function actionOf ({ kind, app, id, status }: Tree): Action | undefined {
  if (!KINDS.has(kind) || typeof app !== 'string' || typeof id !== 'string') return undefined
  if (kind === 'override' && !isStatus(status)) return undefined
  return { kind: kind as Action['kind'], app, id, status: isStatus(status) ? status : undefined }
}

/** Does it here and at the peers; undefined when the instance is gone. */
export function runAction (registry: Registry, { kind, app, id, status }: Action): Instance | undefined {
  switch (kind) {
    case 'override': return registry.override(app, id, status!, HERE)
    case 'clear override': return registry.clearOverride(app, id, undefined, HERE)
    case 'deregister': return registry.cancel(app, id, HERE)
  }
}
