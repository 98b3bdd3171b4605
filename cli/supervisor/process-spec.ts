/** One process of a stack, as data: what runs, what it is told, when it counts as ready. */

/** Addresses of the processes that are ready, by process name. */
export type Addresses = ReadonlyMap<string, string>

/** A script runs on this process's own Node and may say by itself that it is ready; a command is any other program. */
export type Run =
  /** `saysReady`: it always does, and where its actuator is: a part of the platform. */
  | { readonly kind: 'script', readonly script: string, readonly args: readonly string[], readonly saysReady: boolean }
  /** `health` is asked until it answers 2xx; without it the open port is enough. */
  | { readonly kind: 'command', readonly command: string, readonly health: string | undefined }

export interface ProcessSpec {
  /** Unique: `users-1`. Also the name of its log file. */
  readonly name: string
  /** What others call it by: `users`. */
  readonly service: string
  readonly run: Run
  readonly folder: string
  /** 0 = any free port, kept over restarts. */
  readonly port: number
  readonly dependsOn: readonly string[]
  readonly env: (addresses: Addresses) => Readonly<Record<string, string>>
  /** It starts anew when something in these changes. */
  readonly watch: readonly string[]
  /** Who tells the registry: the process itself, the supervisor, or the supervisor unless the process has. */
  readonly registers: 'itself' | 'supervisor' | 'whoever'
  /** Asked through the gateway before the stack is called ready. */
  readonly check: string | undefined
}
