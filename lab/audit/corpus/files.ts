/** Files of the config server by other names than their rules know, and what lies beside its folder. */
import type { Attack, Theme } from '../attack.ts'
import { as, request } from './http.ts'

const SOURCE = 'security.md F2; config-server.md F17, F18; docs/config-server.md "what no rule permits is refused"'

/** Of the files that the user `app` may not see. */
const HIDDEN = ['payments.yml', 'payments.xml', 'orders-prod.yml', 'orders-prod.properties', 'application-prod.yml', 'payments/orders.yml',
  'keys/store.p12', 'release/orders.yml', 'payments.properties', 'payments.json']
const DOORS = ['/orders/dev/main/FILE', '/orders/default/FILE?useDefaultLabel', '/orders/dev,default/main/FILE', '/orders/dev/(_)main/FILE']
const DISGUISES = ['./FILE', 'x/../FILE', '%2e/FILE', 'x%2f..%2fFILE', '(_)FILE', 'x/%2e%2e/FILE', '/FILE', 'FILE/', 'FILE%00', 'FILE%20', 'x%5c..%5cFILE', 'FILE;a', 'FILE%3f']

const QUESTIONS = ['/payments/default', '/payments/dev', '/payments-default.yml', '/payments-default.json', '/payments-default.properties',
  '/orders/prod', '/orders/dev,prod', '/orders/prod,dev', '/orders-prod.yml', '/orders,payments/default', '/payments,orders/default',
  '/orders/default/release', '/orders/default/main,release', '/release/orders-default.yml', '/main,release/orders-default.yml',
  '/Payments/default', '/PAYMENTS/default', '/payments%20/default', '/%70ayments/default', '/orders/PROD', '/orders/%70rod', '/orders/prod%20',
  '/orders/dev/payments', '/orders/default/..', '/orders/default/%2e%2e', '/orders/default/..%2f..', '/orders/default/(_)release', '/../payments/default',
  '/orders/default/main%2frelease', '/orders/default/release(_)', '/orders/default/x(_)..(_)release', '/*/default', '/orders*/prod', '/{application}/default',
  '/_config/effective/payments/default', '/_config/effective/orders/prod', '/_config/diff/payments/default', '/_config/watch/payments/default',
  '/_config/history/orders/prod', '/_config/effective/orders/default/release']

const OUTSIDE = ['../outside.yml', '..%2foutside.yml', '%2e%2e/outside.yml', '..(_)outside.yml', '..%5coutside.yml',
  '../../../../etc/passwd', '..%2f..%2f..%2f..%2fetc%2fpasswd', '%2fetc%2fpasswd', '/etc/passwd', '..%252f..%252fetc%252fpasswd', 'file:/etc/passwd',
  'file:%2f%2f%2fetc%2fpasswd', 'classpath:application.yml', 'http:%2f%2f127.0.0.1:{witness}%2f{mark}', 'http://127.0.0.1:{witness}/{mark}',
  '%c0%ae%c0%ae/outside.yml', '....//outside.yml', '..;/outside.yml', '..%00/outside.yml', '.git/config', 'META-INF/x', 'WEB-INF/web.xml']

const LABELS = ['..', '%2e%2e', '..(_)..', '(_)..(_)..(_)etc', '..%2f..%2fetc', '..%5c..', '%00', '%0a', '-x', '--upload-pack=touch', 'main%00release', '/etc', '%2fetc', 'refs(_)..']

const refused = (name: string, line: string, fields: readonly string[], more: Partial<Attack> = {}): Attack => ({
  name, source: SOURCE, door: 'config', own: true, bytes: request(line, fields),
  must: { lacks: ['HIDDEN', 'root:x:', '[core]'], unheard: ['.'] }, ...more
})

export const FILES: Theme = {
  name: 'files',
  about: 'configuration that a caller may not see, by every spelling',
  attacks: [
    ...HIDDEN.flatMap(file => DOORS.flatMap(door => ['GET', 'HEAD'].flatMap(method => [[], ['Accept: application/octet-stream']].map(fields => {
      const target = door.replace('FILE', file)
      return refused(`app: ${method} ${target}${fields.length > 0 ? ', as bytes' : ''}`, `${method} ${target}`, [as('app'), ...fields], {
        profiles: ['secured'], must: { lacks: ['HIDDEN'], status: [400, 403, 404] }
      })
    })))),
    ...HIDDEN.slice(0, 3).flatMap(file => DISGUISES.map(way => {
      const target = `/orders/dev/main/${way.replace('FILE', file)}`
      return refused(`app: ${target}`, `GET ${target}`, [as('app')], { profiles: ['secured'] })
    })),
    ...QUESTIONS.map(target => refused(`app: ${target}`, `GET ${target}`, [as('app')], { profiles: ['secured'] })),
    ...OUTSIDE.flatMap(file => ['/orders/default/main/', '/orders/default/'].map(folder =>
      refused(`${folder}${file}`, `GET ${folder}${file}${folder.endsWith('main/') ? '' : '?useDefaultLabel'}`, [as('root')], {
        must: { lacks: ['HIDDEN-outside', 'root:x:', '[core]', 'spring:'], unheard: ['.'], status: [400, 404] }
      }))),
    ...LABELS.map(label => refused(`label ${label}`, `GET /orders/default/${label}`, [as('root')], { must: { lacks: ['HIDDEN-outside', 'root:x:'] } })),
    ...LABELS.map(label => refused(`label ${label}, a file`, `GET /orders/default/${label}/passwd`, [as('root')], {
      must: { lacks: ['HIDDEN-outside', 'root:x:'], status: [400, 404] }
    })),
    ...['..%2f..', '%2e%2e', '..', '../x', '%00', 'a%2fb', '-x'].map(name => refused(`application ${name}`, `GET /${name}/default`, [as('root')], {
      must: { lacks: ['HIDDEN-outside', 'root:x:'] }
    }))
  ]
}
