/** Where our config server's answer is not Spring's on purpose; docs/differences-from-spring.md has these, too. */
import type { ListedConfig } from './compare.ts'
import { asksFile, bothAnswer, flatForm, sameButQuotes, sameLines, sameValues } from './look.ts'

export const DIFFERENCES: readonly ListedConfig[] = [
  {
    name: 'another status for what both refuse',
    reason: 'what is malformed in a question is 400, where Spring says 500 or 404',
    is: ({ spring, ours }) => spring.status >= 400 && ours.status >= 400 && spring.status !== 405
  },
  {
    name: 'answers where Spring fails',
    reason: 'where Spring\'s own code fails with 500, a client gets the values',
    is: ({ spring, ours }) => spring.status === 500 && ours.status < 400
  },
  {
    name: 'malformed questions',
    reason: 'a name, profile or label with blanks, empty items, "..", ".git" or a hidden slash is refused: CVE-2026-22739 was one of them',
    is: ({ question, spring, ours }) => spring.status < 400 && [400, 404].includes(ours.status) &&
      /%20|\.\.|,,|,(?:$|\/|\.)|\/,|\/\/|%2f|%5c|%00|;|\/\(_\)|\.git|\/-dev|-\.yml/i.test(question.path)
  },
  {
    name: 'an encoded slash',
    reason: 'a label feature%2Fx is what clients send that encode their labels; Tomcat answers 400',
    is: ({ question, spring, ours }) => spring.status === 400 && ours.status < 400 && /%2f/i.test(question.path) &&
      question.method === 'GET'
  },
  {
    name: 'a semicolon in a name',
    reason: 'it is a part of the name; Tomcat cuts off what follows it, so that two paths mean one application',
    is: ({ question }) => question.path.includes(';')
  },
  {
    name: 'a number from a placeholder in flat YAML',
    reason: 'what is filled in stays a text, in quotes; Spring fills it in when the YAML is written',
    is: difference => bothAnswer(difference) && flatForm(difference).startsWith('y') && sameButQuotes(difference)
  },
  {
    name: 'order of XML properties',
    reason: 'keys come in the order of the file; in Spring in that of a hash table',
    is: difference => bothAnswer(difference) && Object.keys(difference.asked.files).some(name => name.endsWith('.xml')) &&
      (sameValues(difference) || sameLines(difference))
  },
  {
    name: 'a slash or blank at the end of a file\'s path',
    reason: 'that is another path, and no file has it',
    is: difference => asksFile(difference) && difference.ours.status === 404 && /(?:\/|%20)(?:\?|$)/.test(difference.question.path)
  },
  {
    name: 'brackets in keys of flat forms',
    reason: 'the key stays whole; Spring tears [x.y] at its dot, or loses it',
    is: difference => flatForm(difference) !== '' && bothAnswer(difference) && /[^\s:]\[[^\]]*[^\]\d][^\]]*\][^\s:]*:/.test(difference.ours.body ?? '')
  },
  {
    name: 'a list over a text in flat properties',
    reason: 'the higher source wins whole, as in the other forms; Spring has a line for both',
    is: difference => flatForm(difference) === 'properties' && bothAnswer(difference) && /^k\d\[/m.test(difference.ours.body ?? '')
  },
  {
    name: 'a nested path of the default label',
    reason: 'with useDefaultLabel v1/nginx.conf is the file v1/nginx.conf first, as clients in Go ask for it; Spring takes v1 for a label',
    is: difference => asksFile(difference) && /\/v1\/nginx\.conf\?useDefaultLabel/.test(difference.question.path)
  }
]
