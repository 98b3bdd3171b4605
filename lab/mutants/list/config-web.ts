/** Faults of the config server: its wire, its forms, its doors. */
import type { Mutant } from '../mutant.ts'

const test = (name: string): readonly string[] => [`config-server/test/${name}.test.ts`]

export const CONFIG_WEB: readonly Mutant[] = [
  {
    id: 'yaml-fold',
    package: 'config-server',
    breaks: 'a long text is folded where SnakeYAML folds it',
    file: 'config-server/render/yaml-text.ts',
    from: 'part === \' \' && at > WIDTH',
    to: 'part === \' \' && at >= WIDTH',
    seenBy: test('flat-yaml')
  },
  {
    id: 'yaml-seconds',
    package: 'config-server',
    breaks: 'what another type would be read from is in quotes',
    file: 'config-server/render/yaml-text.ts',
    from: '0[0-9_]+|',
    to: '',
    seenBy: test('flat-yaml')
  },
  {
    id: 'yaml-line-separators',
    package: 'config-server',
    breaks: 'breaks that readers disagree about are escaped',
    file: 'config-server/render/yaml-text.ts',
    from: '/[\\t\\r\\u0085\\u2028\\u2029\\ufeff]/',
    to: '/[\\t\\r\\u0085\\u2029\\ufeff]/',
    seenBy: test('flat-yaml')
  },
  {
    id: 'yaml-block-indent',
    package: 'config-server',
    breaks: 'a block that begins with a break says its indent',
    file: 'config-server/render/yaml-text.ts',
    from: '/^[ \\n]/.test(text) ? \'2\'',
    to: '/^ /.test(text) ? \'2\'',
    seenBy: test('flat-yaml')
  },
  {
    id: 'yaml-binary',
    package: 'config-server',
    breaks: 'what cannot be printed is bytes',
    file: 'config-server/render/yaml-text.ts',
    from: 'if (!isPrintable(text)) return writeBinary(Buffer.from(text).toString(\'base64\'), place)\n',
    to: '',
    seenBy: test('flat-yaml')
  },
  {
    id: 'yaml-infinity',
    package: 'config-server',
    breaks: 'infinity has YAML\'s name',
    file: 'config-server/render/yaml.ts',
    from: ', \'Infinity\': \'.inf\'',
    to: ', \'Infinity\': \'Infinity\'',
    seenBy: test('flat-yaml')
  },
  {
    id: 'flat-empty-key',
    package: 'config-server',
    breaks: 'a key that ends in a dot is served',
    file: 'config-server/render/tree.ts',
    from: 'if (part === \'\' && !isLast && !isBetween)',
    to: 'if (part === \'\' && !isBetween)',
    seenBy: test('flat-yaml')
  },
  {
    id: 'file-placeholders-off',
    package: 'config-server',
    breaks: 'resolvePlaceholders=false holds for files',
    file: 'config-server/web/file-route.ts',
    from: 'return resolvePlaceholders ? parts.fill(plain, ask, askerOf(request)) : plain',
    to: 'return parts.fill(plain, ask, askerOf(request))',
    seenBy: test('environment')
  },
  {
    id: 'switch-words',
    package: 'config-server',
    breaks: 'a switch that is neither true nor false is refused',
    file: 'config-server/web/route.ts',
    from: '  if ([\'false\', \'off\', \'no\', \'0\'].includes(word)) return false\n  throw error(\'E_ASK_SWITCH\', [\'resolvePlaceholders\'])',
    to: '  return ![\'false\', \'off\', \'no\', \'0\'].includes(word)',
    seenBy: test('environment')
  },
  {
    id: 'no-key-hands-out',
    package: 'config-server',
    breaks: 'without a key no cipher goes out as a value',
    file: 'config-server/encryption/decrypt-environment.ts',
    from: '  return replaceValues(environment, CIPHER',
    to: '  if (!keys.installed) return environment\n  return replaceValues(environment, CIPHER',
    seenBy: test('encryption')
  },
  {
    id: 'text-not-decoded',
    package: 'config-server',
    breaks: 'what is no UTF-8 is not served',
    file: 'config-server/environment/file-text.ts',
    from: '{ fatal: true }',
    to: '{ fatal: false }',
    seenBy: test('environment')
  },
  {
    id: 'xml-declared',
    package: 'config-server',
    breaks: 'XML is read in the encoding that it declares',
    file: 'config-server/environment/file-text.ts',
    from: 'markOf(content) ?? declared',
    to: 'markOf(content) ?? \'utf-8\'',
    seenBy: test('environment')
  },
  {
    id: 'label-blanks',
    package: 'config-server',
    breaks: 'a blank is part of a label',
    file: 'config-server/environment/ask.ts',
    from: 'items(plainLabel.split(\',\'), plainLabel',
    to: 'items(plainLabel.split(\',\').map(item => item.trim()), plainLabel',
    seenBy: test('environment')
  },
  {
    id: 'file-path-literal',
    package: 'config-server',
    breaks: 'a path that Spring refuses is not there',
    file: 'config-server/web/file-route.ts',
    from: 'if (checked === undefined) break',
    to: 'if (checked === undefined) continue',
    seenBy: test('environment')
  },
  {
    id: 'hidden-slash',
    package: 'config-server',
    breaks: 'a hidden slash is refused at /encrypt, too',
    file: 'config-server/web/encryption-routes.ts',
    from: '      refuseHidden(request.params as Record<string, string>)\n',
    to: '',
    seenBy: test('encryption')
  },
  {
    id: 'allow-of-the-door',
    package: 'config-server',
    breaks: '405 names the methods that there are',
    file: 'config-server/web/server.ts',
    from: 'status === 405 && !reply.hasHeader(\'allow\')',
    to: 'status === 405',
    seenBy: test('encryption')
  },
  {
    id: 'file-of-another',
    package: 'config-server',
    breaks: 'a rule holds for what the file is',
    file: 'config-server/web/access.ts',
    from: 'return permitsStem(rule, stem) && (!file.includes(\'/\') || rule.files.test(file))',
    to: 'return true',
    seenBy: test('file-access')
  },
  {
    id: 'file-profile',
    package: 'config-server',
    breaks: 'a rule holds for the profile of the file',
    file: 'config-server/web/access.ts',
    from: 'permitsName(stem.slice(0, index)) && rule.profiles.test(stem.slice(index + 1))',
    to: 'permitsName(stem.slice(0, index))',
    seenBy: test('file-access')
  },
  {
    id: 'file-folders',
    package: 'config-server',
    breaks: 'a pattern of files ends at a slash',
    file: 'config-server/web/access.ts',
    from: '.join(\'[^/]*\')',
    to: '.join(\'.*\')',
    seenBy: test('file-access')
  },
  {
    id: 'watch-any',
    package: 'config-server',
    breaks: 'who may watch one application reads no other',
    file: 'config-server/web/watch-routes.ts',
    from: 'await parts.access(request, \'watch\', ask)',
    to: 'await parts.access(request, \'watch\')',
    seenBy: test('file-access')
  },
  {
    id: 'cache-key-placeholders',
    package: 'config-server',
    breaks: 'the switch is part of what is kept',
    file: 'config-server/environment.ts',
    from: '${form}${resolvePlaceholders ? \'\' : \'-\'}\\n',
    to: '${form}\\n',
    seenBy: test('environment')
  },
  {
    id: 'change-in-a-look',
    package: 'config-server',
    breaks: 'a change in the middle of a look leads to another look',
    file: 'config-server/push/watchers.ts',
    from: '    this.#again = true\n    this.#checking ??=',
    to: '    this.#again = this.#checking === undefined\n    this.#checking ??=',
    seenBy: test('push')
  },
  {
    id: 'overridden-secret',
    package: 'config-server',
    breaks: 'overridden secrets are masked, too',
    file: 'config-server/web/operator-routes.ts',
    from: 'return { value: shown(key, value), source',
    to: 'return { value: value.text, source',
    seenBy: test('safety')
  },
  {
    id: 'open-keys-bound',
    package: 'config-server',
    breaks: 'what values name is kept up to a bound',
    file: 'config-server/encryption/key-ring.ts',
    from: '      if (others.size >= maxOpen) others.clear()\n',
    to: '',
    seenBy: test('encryption')
  },
  {
    id: 'webhook-time',
    package: 'config-server',
    breaks: 'an old webhook is not played again',
    file: 'config-server/push/webhook.ts',
    from: ' || Math.abs(nowMs - Number(time) * 1000) > TOLERANCE_MS',
    to: '',
    seenBy: test('push')
  },
  {
    id: 'webhook-password',
    package: 'config-server',
    breaks: 'Azure\'s password is the secret',
    file: 'config-server/push/webhook.ts',
    from: 'equal(basicPassword(headers), secret)',
    to: 'basicPassword(headers) !== \'\'',
    seenBy: test('push')
  }
]
