/**
 * The log: one JSON line per event on standard output, in pino's format. Request id and trace of the current request
 * are in every line, whoever writes it. Levels follow `logging.level.*` and can be changed while running
 * (/actuator/loggers). Whatever is written passes two places here: errors are told by their known fields only, and
 * credentials are taken out of each finished line.
 */
import pino from 'pino'
import type { DestinationStream, Logger as PinoLogger } from 'pino'
import { describeError } from './describe-error.ts'
import { maskText } from './settings/mask.ts'
import { currentContext } from './trace/context.ts'

export type Logger = PinoLogger

/** The part of the settings that the log needs, so that a logger exists before settings do. */
export interface LogSettings {
  get (key: string): string | undefined
}

export interface LoggerOptions {
  /** Written as `service` in every line. */
  readonly name: string
  /** Spring's or pino's name of a level. Default `info`. */
  readonly level?: string
  /** Levels of named loggers (`log.child({ logger: NAME })`), as `logging.level.NAME` gives them. */
  readonly levelOf?: (loggerName: string) => string | undefined
  /** Where lines go. Default standard output, synchronously: the last words of a crashing process must not be lost. */
  readonly destination?: DestinationStream
}

const REDACTED = ['password', 'secret', 'token', 'authorization', 'cookie', '*.password', '*.secret', '*.token',
  '*.authorization', '*.cookie', '*.headers.authorization', '*.headers.cookie', 'headers["set-cookie"]']

/** More named loggers are not remembered for /actuator/loggers: children made per request must not pile up. */
const MAX_NAMED = 200

/** Named children of a root logger, kept on the root itself. */
export const namedLoggers: unique symbol = Symbol('breakwater.named-loggers')

/** Makes the root logger of a process from its settings, or from a name and a level. */
export function createLogger (source: LogSettings | LoggerOptions): Logger {
  const options = 'get' in source ? fromSettings(source) : source
  const named = new Map<string, Logger>()
  const root = pino({
    level: pinoLevel(options.level) ?? 'info',
    base: { service: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }), log: withErrors },
    serializers: { err: describeError },
    hooks: { streamWrite: maskText },
    redact: { paths: REDACTED, censor: '******' },
    mixin: logFields,
    onChild: child => remember(child, named, options.levelOf)
  }, options.destination ?? pino.destination({ fd: 1, sync: true }))
  Object.defineProperty(root, namedLoggers, { value: named })
  return root
}

/** Errors under any other name: as JSON they would show every field that a library gave them. */
function withErrors (fields: Record<string, unknown>): Record<string, unknown> {
  let told: Record<string, unknown> | undefined
  for (const name of Object.keys(fields)) {
    if (name !== 'err' && fields[name] instanceof Error) (told ??= { ...fields })[name] = describeError(fields[name])
  }
  return told ?? fields
}

function fromSettings (settings: LogSettings): LoggerOptions {
  const level = settings.get('logging.level.root')
  return {
    name: settings.get('spring.application.name') ?? 'application',
    ...(level === undefined ? {} : { level }),
    levelOf: name => settings.get(`logging.level.${name}`)
  }
}

/** Sets the levels anew that `logging.level.*` gave, after settings changed. */
export function applyLevels (root: Logger, settings: LogSettings, changedKeys: readonly string[]): void {
  const named = (root as Logger & { [namedLoggers]?: Map<string, Logger> })[namedLoggers]
  for (const key of changedKeys) {
    const name = /^logging\.level\.(.+)$/.exec(key)?.[1]
    if (name === undefined) continue
    const target = name.toLowerCase() === 'root' ? root : named?.get(name)
    const level = pinoLevel(settings.get(key)) ?? (target === root ? 'info' : root.level)
    if (target !== undefined) target.level = level
  }
}

/** Spring's level words to pino's; undefined for a word neither knows. */
export function pinoLevel (word: string | undefined): string | undefined {
  const level = word?.toLowerCase()
  if (level === 'off' || level === 'silent') return 'silent'
  return level !== undefined && level in pino.levels.values ? level : undefined
}

/** Pino's level words to Spring's. */
export function springLevel (level: string): string {
  if (level === 'silent') return 'OFF'
  return level === 'fatal' ? 'ERROR' : level.toUpperCase()
}

function logFields (): object {
  const context = currentContext()
  return context === undefined
    ? {}
    : { requestId: context.requestId, traceId: context.traceId, spanId: context.spanId }
}

function remember (child: Logger, named: Map<string, Logger>, levelOf?: (name: string) => string | undefined): void {
  const name: unknown = child.bindings()['logger']
  if (typeof name !== 'string' || (named.size >= MAX_NAMED && !named.has(name))) return
  named.set(name, child)
  const level = pinoLevel(levelOf?.(name))
  if (level !== undefined) child.level = level
}
