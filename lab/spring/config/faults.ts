/** Faults of our config server that are known and not mended yet; as in settings/faults.ts. */
import type { ListedConfig } from './compare.ts'
import { bothAnswer, filesHave, flatForm } from './look.ts'

export const FAULTS: readonly ListedConfig[] = [
  {
    name: 'the media type of a text',
    reason: 'a text file with Accept: ...v2+json or application/*: Spring answers with that type, or as bytes; ours with another',
    is: ({ spring, ours }) => spring.type !== ours.type &&
      (spring.body === ours.body || spring.type === 'application/octet-stream')
  },
  {
    name: 'keys that make no tree',
    reason: 'k2: {"[a][b]": 1}: flat Spring 200; ours 400',
    is: difference => flatForm(difference) !== '' && difference.ours.status === 400 && difference.spring.status === 200
  },
  {
    name: 'a text of a next line sign in flat YAML',
    reason: '"\\u0085": Spring |2+; ours "\\N"',
    is: difference => flatForm(difference).startsWith('y') && bothAnswer(difference) && filesHave(difference, /u0085/)
  },
  {
    name: 'labels: empty items, or a dot',
    reason: '/shop/dev/v1, and /shop/dev/. are answered by both; the names of sources have file:/root// and file:/root/ there, file:/root/ and file:/root/./ here',
    is: ({ question }) => /\/v\d,|\/\.$/.test(question.path)
  }
]
