/** /actuator/loggers in Spring's shape: levels of ROOT and of the named loggers, changed while running. */
import { namedLoggers, pinoLevel, springLevel } from '../logger.ts'
import type { Logger } from '../logger.ts'

interface LevelReport { configuredLevel?: string, effectiveLevel: string }

const LEVELS = ['OFF', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE']

/** All loggers. */
export function loggersReport (root: Logger, configured: ReadonlyMap<string, string>): object {
  const loggers: Record<string, LevelReport> = Object.create(null) as Record<string, LevelReport>
  loggers['ROOT'] = { configuredLevel: springLevel(root.level), effectiveLevel: springLevel(root.level) }
  for (const [name, logger] of named(root)) loggers[name] = levelReport(logger, configured.get(name))
  return { levels: LEVELS, loggers, groups: {} }
}

/** One logger; undefined when there is none of that name. */
export function loggerReport (root: Logger, name: string, configured: ReadonlyMap<string, string>): object | undefined {
  if (name === 'ROOT') return { configuredLevel: springLevel(root.level), effectiveLevel: springLevel(root.level) }
  const logger = named(root).get(name)
  return logger === undefined ? undefined : levelReport(logger, configured.get(name))
}

/**
 * Sets a level; null takes a named logger back to ROOT's. ROOT's level moves the loggers that have none of their own.
 * False when the name or the level is unknown.
 */
export function setLevel (root: Logger, name: string, level: string | null, configured: Map<string, string>): boolean {
  const target = name === 'ROOT' ? root : named(root).get(name)
  const word = level === null ? undefined : pinoLevel(level)
  if (target === undefined || (level !== null && word === undefined)) return false
  if (name === 'ROOT') {
    root.level = word ?? 'info'
    for (const [child, logger] of named(root)) if (!configured.has(child)) logger.level = root.level
  } else if (word === undefined) {
    configured.delete(name)
    target.level = root.level
  } else {
    configured.set(name, springLevel(word))
    target.level = word
  }
  return true
}

function levelReport (logger: Logger, configured: string | undefined): LevelReport {
  const effectiveLevel = springLevel(logger.level)
  return configured === undefined ? { effectiveLevel } : { configuredLevel: configured, effectiveLevel }
}

function named (root: Logger): ReadonlyMap<string, Logger> {
  return (root as Logger & { [namedLoggers]?: Map<string, Logger> })[namedLoggers] ?? new Map()
}
