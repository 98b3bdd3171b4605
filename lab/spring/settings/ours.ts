/** The answers of this project's own settings to a case. */
import { parseCommandLine } from '../../../starter/command-line.ts'
import { loadSettings, type Settings } from '@breakwater/starter/settings'
import type { Answer, Answers, Question, SettingsCase } from './case.ts'

/** `folder` holds the case's files. */
export async function askOurs (asked: SettingsCase, folder: string): Promise<Answers> {
  try {
    const { settings: args } = parseCommandLine(asked.args)
    const settings = await loadSettings({ name: 'users', folder, env: asked.env, args, watch: false })
    return { answers: asked.questions.map(question => answer(settings, question)) }
  } catch (failure) {
    return { refused: reason(failure) }
  }
}

const UNSET = { unset: true } as const

function answer (settings: Settings, { kind, key }: Question): Answer {
  try {
    switch (kind) {
      case 'profiles': return settings.profiles
      case 'get': return settings.get(key) ?? UNSET
      case 'map': return settings.map(key)
      case 'tree': return flat(settings.tree(key, 'keep'))
      case 'list': return settings.list(key)
      default: return typed(settings, kind, key)
    }
  } catch (failure) {
    return (failure as { code?: string }).code === 'E_SETTING_MISSING' ? UNSET : { error: reason(failure) }
  }
}

function typed (settings: Settings, kind: 'integer' | 'number' | 'boolean' | 'duration' | 'bytes', key: string): Answer {
  switch (kind) {
    case 'boolean': return settings.boolean(key)
    case 'duration': return String(settings.durationMs(key))
    default: return String(settings[kind](key))
  }
}

/** Nested maps and lists by paths, so that a list and a map of numbers are the same; holes are nothing. */
function flat (tree: unknown, path = ''): Record<string, string> {
  if (tree === undefined || (tree === null && / > \d+$/.test(path))) return {}
  if (typeof tree !== 'object' || tree === null) return path === '' ? {} : { [path]: String(tree as string) }
  const own = (name: string) => path === '' ? name : `${path} > ${name}`
  const below = Object.entries(tree).map(([name, inner]) => flat(inner, own(name)))
  return Object.assign({}, ...below) as Record<string, string>
}

function reason (failure: unknown): string {
  const { code, message } = failure as { code?: string, message?: string }
  return `${code ?? 'no code'}: ${message ?? String(failure)}`.slice(0, 160)
}
