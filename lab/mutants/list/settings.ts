/** Faults in how settings are found, read and refused. */
import type { Mutant } from '../mutant.ts'

const NAMES = ['starter/test/settings-names.test.ts']
const SOURCES = ['starter/test/settings-sources.test.ts']
const PARSERS = ['starter/test/settings-parsers.test.ts']
const SETTINGS = ['starter/test/settings.test.ts']
const PASSWORDS = ['starter/test/passwords.test.ts']
const ACTUATOR = ['starter/test/actuator.test.ts']

export const SETTINGS_MUTANTS: readonly Mutant[] = [
  {
    id: 'variable-by-key-only',
    package: 'starter',
    breaks: 'a placeholder finds an environment variable by its own name',
    file: 'starter/settings/settings-values.ts',
    from: 'isCanonical(name) ? this.#index.find(name) : this.#index.written(name)',
    to: 'this.#index.find(name)',
    seenBy: NAMES
  },
  {
    id: 'servers-without-variables',
    package: 'starter',
    breaks: 'the examples of the docs start when their passwords are variables',
    file: 'starter/settings/source-names.ts',
    from: 'const property = writtenIn(this.#source, key)',
    to: 'const property = this.#source.properties.get(key.toLowerCase())',
    seenBy: PASSWORDS
  },
  {
    id: 'variable-as-asked-only',
    package: 'starter',
    breaks: 'a variable is also looked for in capitals',
    file: 'starter/settings/variables.ts',
    from: 'for (const text of [name, name.toUpperCase()]) {',
    to: 'for (const text of [name]) {',
    seenBy: NAMES
  },
  {
    id: 'empty-variable-unset',
    package: 'starter',
    breaks: 'an empty variable is set, and no default wins over it',
    file: 'starter/settings/placeholders.ts',
    from: 'if (value !== undefined) return this.#follow(',
    to: "if (value !== undefined && value !== '') return this.#follow(",
    seenBy: NAMES
  },
  {
    id: 'dashed-form-first',
    package: 'starter',
    breaks: 'of two variables for one key the one without dashes wins',
    file: 'starter/settings/variables.ts',
    from: 'return [exact, asDots].map(',
    to: 'return [asDots, exact].map(',
    seenBy: NAMES
  },
  {
    id: 'low-list-item-hidden',
    package: 'starter',
    breaks: 'a single item of a list that a higher source overlays can still be asked for',
    file: 'starter/settings/settings-index.ts',
    from: 'return first(this.#sources, source => source.find(key))',
    to: 'return first(this.#sources.slice(0, (this.#lists.get(listOf(canonicalName(key))) ?? 99) + 1), source => source.find(key))',
    seenBy: NAMES
  },
  {
    id: 'lists-mixed',
    package: 'starter',
    breaks: 'a list comes whole from the highest source that has any of it',
    file: 'starter/settings/settings-index.ts',
    from: ' && this.#lists.get(listOf(canonical)) === rank',
    to: ' && rank >= 0',
    seenBy: SETTINGS
  },
  {
    id: 'brackets-in-maps',
    package: 'starter',
    breaks: 'a map has what is in brackets without them',
    file: 'starter/settings/settings-index.ts',
    from: "splitName(entry.key).slice(depth).map(memberName).join('.')",
    to: 'joinName(splitName(entry.key).slice(depth))',
    seenBy: NAMES
  },
  {
    id: 'tree-resolved',
    package: 'starter',
    breaks: 'the files of a config tree hold no placeholders',
    file: 'starter/settings/config-tree.ts',
    from: 'origin: { source: path }, literal: true',
    to: 'origin: { source: path }',
    seenBy: SOURCES
  },
  {
    id: 'tree-resolved-elsewhere',
    package: 'starter',
    breaks: 'what a placeholder finds in a config tree is taken to the letter',
    file: 'starter/settings/settings-values.ts',
    from: 'return found?.literal ? { literal: found.value.text } : found?.value.text',
    to: 'return found?.value.text',
    seenBy: SOURCES
  },
  {
    id: 'default-group-ignored',
    package: 'starter',
    breaks: 'the group of the default profile counts',
    file: 'starter/settings/profiles.ts',
    from: "usual.length > 0 ? usual : ['default']) expand(name, list, profiles)",
    to: "usual) expand(name, list, profiles)\n  if (profiles.size === 0) profiles.add('default')",
    seenBy: SOURCES
  },
  {
    id: 'include-beside-default',
    package: 'starter',
    breaks: 'a default profile counts only when nobody asks for any',
    file: 'starter/settings/profiles.ts',
    from: 'asked.length > 0 ? asked : usual.length',
    to: 'active.length > 0 ? asked : usual.length',
    seenBy: SOURCES
  },
  {
    id: 'misplaced-in-profile',
    package: 'starter',
    breaks: 'profiles in the file of a profile are refused',
    file: 'starter/settings/config-reader.ts',
    from: "if (suffix !== '') documents.forEach(refuseProfilesIn)",
    to: "if (suffix === '-') documents.forEach(refuseProfilesIn)",
    seenBy: SOURCES
  },
  {
    id: 'misplaced-item',
    package: 'starter',
    breaks: 'a misplaced key is refused as a list, too',
    file: 'starter/settings/misplaced.ts',
    from: "canonicalName(name).replace(/\\[\\d+\\]$/, '')",
    to: 'canonicalName(name)',
    seenBy: SOURCES
  },
  {
    id: 'waiting-documents-silent',
    package: 'starter',
    breaks: 'a document with a condition can name the profiles',
    file: 'starter/settings/config-reader.ts',
    from: 'return { profile: [], plain: [onlyProfiles(document)] }',
    to: 'return NOTHING',
    seenBy: SOURCES
  },
  {
    id: 'pod-by-host-alone',
    package: 'starter',
    breaks: 'a pod is told by host and port of a service together',
    file: 'starter/settings/cloud-platform.ts',
    from: " && name.replace(/HOST$/, 'PORT') in env",
    to: '',
    seenBy: SOURCES
  },
  {
    id: 'not-text-replaced',
    package: 'starter',
    breaks: 'bytes that are no text are refused',
    file: 'starter/settings/decode.ts',
    from: '{ fatal: true }',
    to: '{ fatal: false }',
    seenBy: SOURCES
  },
  {
    id: 'not-finite-text',
    package: 'starter',
    breaks: "YAML's .nan and .inf are told from texts",
    file: 'starter/settings/yaml-scalar.ts',
    from: "? { kind: 'not-finite', text }",
    to: "? { kind: 'string', text }",
    seenBy: PARSERS
  },
  {
    id: 'place-of-nothing',
    package: 'starter',
    breaks: 'an empty value stands behind the line break',
    file: 'starter/settings/properties.ts',
    from: 'column: hasBreak ? 0 : this.#column + 1',
    to: 'column: this.#column + 1',
    seenBy: PARSERS
  },
  {
    id: 'blank-in-placeholder',
    package: 'starter',
    breaks: 'a blank belongs to the name in a placeholder',
    file: 'starter/settings/placeholders.ts',
    from: "this.resolve(key.replaceAll('\\\\:', ':'), trail, level)",
    to: "this.resolve(key.replaceAll('\\\\:', ':'), trail, level).trim()",
    seenBy: PARSERS
  },
  {
    id: 'escaped-whole',
    package: 'starter',
    breaks: 'what is inside an escaped placeholder is filled in',
    file: 'starter/settings/placeholders.ts',
    from: 'at = close === undefined || isEscaped ? open + 2 : close + 1',
    to: 'at = close === undefined ? open + 2 : isEscaped ? (out += text.slice(open + 2, close + 1), close + 1) : close + 1',
    seenBy: PARSERS
  },
  {
    id: 'refresh-too-early',
    package: 'starter',
    breaks: 'a refresh that is asked for during a reading reads once more',
    file: 'starter/settings/settings.ts',
    from: 'if (this.#refreshing === undefined) return this.#start()\n',
    to: 'if (this.#refreshing === undefined) return this.#start()\n    if (this.#next === undefined) return this.#refreshing\n',
    seenBy: NAMES
  },
  {
    id: 'secret-by-spelling',
    package: 'starter',
    breaks: 'what was encrypted is shown under no other spelling of its key',
    file: 'starter/actuator/environment.ts',
    from: 'const shownOnes = [settings.property(key), ...',
    to: 'const shownOnes = [...',
    seenBy: ACTUATOR
  }
]
