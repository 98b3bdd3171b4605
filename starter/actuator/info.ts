/** /actuator/info: `info.*` settings as a tree, and what runs them. */
import { versions } from 'node:process'
import type { ActuatorOptions } from './options.ts'

/** The answer; parts of the server's own win over settings of the same name. */
export async function infoReport ({ settings, info }: ActuatorOptions): Promise<Record<string, unknown>> {
  const configured = settings.tree('info')
  return {
    app: { name: settings.string('spring.application.name', 'application') },
    runtime: { name: 'node', version: versions.node },
    ...(typeof configured === 'object' && !Array.isArray(configured) ? configured : {}),
    ...await info?.()
  }
}
