/** Faults of our config server that are known and not mended yet; as in settings/faults.ts. */
import type { ListedConfig } from './compare.ts'
import { asksFile, bothAnswer, filesHave, flatForm, sameValues } from './look.ts'

export const FAULTS: readonly ListedConfig[] = [
  {
    name: 'methods of the encryption endpoints',
    reason: 'PUT /encrypt: Allow is POST in Spring, GET here. OPTIONS /encrypt, /key: 200 with Allow in Spring, 404 here',
    is: ({ question }) => question.method !== 'GET' && /^\/(?:encrypt|decrypt|key)/.test(question.path) && !/%2f/i.test(question.path)
  },
  {
    name: 'hidden slashes for the encryption endpoints',
    reason: 'POST /encrypt/..%2fa/dev: Spring 400; ours 200',
    is: ({ question, spring }) => question.method === 'POST' && /%2f/i.test(question.path) && spring.status === 400
  },
  {
    name: 'the media type of a text',
    reason: 'a text file or /encrypt/status with Accept: ...v2+json: Spring answers with that type; ours text/plain, application/json',
    is: ({ spring, ours }) => spring.body === ours.body && spring.type !== ours.type
  },
  {
    name: 'origins of properties and XML',
    reason: 'in v2 "db\\:main=jdbc" is at 2:9 in Spring, 2:10 here; XML has none in Spring',
    is: difference => bothAnswer(difference) && flatForm(difference) === '' && sameValues(difference)
  },
  {
    name: 'resolvePlaceholders=false for text files',
    reason: 'GET /dock/default/txt/dock.conf?resolvePlaceholders=false: Spring the bytes of the file; ours fills in',
    is: difference => asksFile(difference) && /resolvePlaceholders=(?:false|no)/i.test(difference.question.path) && bothAnswer(difference)
  },
  {
    name: 'the low line in parentheses in a path',
    reason: 'a file txt/a(_)b.txt: Spring 200; ours 404',
    is: difference => asksFile(difference) && difference.question.path.includes('(_)')
  },
  {
    name: 'keys with an empty end in flat forms',
    reason: '"berth.=1": Spring {"berth":{"":"1"}}; ours 400',
    is: difference => flatForm(difference) !== '' && difference.ours.status === 400 && difference.spring.status === 200
  },
  {
    name: 'the text of flat YAML',
    reason: '"2025-3-4" and "." are plain in Spring, quoted here; long texts are folded there; "\\n\\n" is |2+ there',
    is: difference => /ya?ml/.test(flatForm(difference)) && bothAnswer(difference)
  },
  {
    name: 'labels: several, with blanks, or a dot',
    reason: '/stock2/default/lab1,lab2 on a folder: the first comes first in Spring, the last here. lab1%20 is no lab1. The label . is the folder itself, in names, too',
    is: ({ question }) => /\/v\d(?:,|%20)|\/\.$/.test(question.path)
  },
  {
    name: 'keys that begin with an escaped sign',
    reason: '"\\#channel=ops" is a comment in Spring, a key here',
    is: difference => filesHave(difference, /^\s*\\[#!]/m)
  },
  {
    name: 'blanks and nesting in placeholders',
    reason: '"${port :1}": Spring 1; ours 7001. "${b.${host}}" unresolved: Spring ${b.pier}; ours ${b.${host}}',
    is: difference => bothAnswer(difference) && filesHave(difference, /\$\{[^}]*(?: |\$\{)/)
  }
]
