/** The paths by which a registry is reached: double slashes, a context path, a proxy's prefix. */
import t from 'tap'
import { routedPath } from '../path.ts'
import { rawInstance } from './support/instances.ts'
import { call, JSON_ACCEPT, JSON_TYPE, startDiscovery } from './support/server.ts'

const ID = 'h1:orders:8080'
const BODY = JSON.stringify({ instance: rawInstance() })

t.test('two slashes in front of the path are one, for every method and route, and nowhere else', async t => {
  const { url } = await startDiscovery(t)
  for (const base of ['//eureka', '///eureka', '//eureka/v2']) {
    const status = async (method: string, path: string, body?: string) =>
      (await call(url, `${base}${path}`, { method, headers: { ...JSON_TYPE, ...JSON_ACCEPT }, ...(body && { body }) })).status
    t.equal(await status('POST', '/apps/ORDERS', BODY), 204)
    for (const path of ['/apps', '/apps/', '/apps/delta', '/apps/ORDERS', `/apps/ORDERS/${ID}`, '/vips/orders', '/status']) {
      t.equal(await status('GET', path), 200, `${base}${path}`)
    }
    t.equal(await status('PUT', `/apps/ORDERS/${ID}`), 200)
    t.equal(await status('PUT', `/apps/ORDERS/${ID}/status?value=DOWN`), 200)
    t.equal(await status('DELETE', `/apps/ORDERS/${ID}/status`), 200)
    t.equal(await status('POST', '/peerreplication/batch/', '{"replicationList":[]}'), 200)
    t.equal(await status('DELETE', `/apps/ORDERS/${ID}`), 200)
  }
  t.equal((await call(url, '//eureka/stream?wait=1ms')).status, 200)
  t.equal((await call(url, '/eureka//apps')).status, 404)
})

t.test('below a context path is everything, and beside it nothing', async t => {
  const { url } = await startDiscovery(t, { contextPath: '/reg' })
  const status = async (path: string) => (await call(url, path, { headers: JSON_ACCEPT })).status
  for (const path of ['/reg', '/reg/', '/reg/eureka/apps', '/reg//eureka/apps', '/reg/eureka/v2/apps?x=1', '/reg/lastn',
    '/reg/registry/instances', '/reg/dashboard/page.css', 'http://any.host/reg/eureka/apps']) t.equal(await status(path), 200, path)
  for (const path of ['/', '/eureka/apps', '/regeureka/apps', '/reg2/eureka/apps', '/re', '/lastn', '/reg/reg/eureka/apps']) {
    t.equal(await status(path), 404, path)
  }
  t.equal((await call(url, '/reg/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body: BODY })).status, 204)
})

t.test('the page\'s links lead to it, whatever stands before it', async t => {
  const cases: ReadonlyArray<readonly [string, string, string, Record<string, string>]> = [
    // The page's path, what is asked for, where the browser thinks it is, headers.
    ['/', '/', '/', {}], ['/', '/', '/prefix/', {}], ['/admin', '/admin', '/admin', {}],
    ['/admin', '/admin', '/prefix/admin', {}], ['/admin/', '/admin/', '/prefix/admin/', {}],
    ['/a/b', '/a/b', '/p/q/a/b', {}], ['/', '/', '/prefix', { 'x-forwarded-prefix': '/prefix' }],
    ['/admin', '/admin', '/p/q/admin', { 'x-forwarded-prefix': '/p/q/' }],
    ['/', '/', '/', { 'x-forwarded-prefix': '//evil.example' }], ['/', '/', '/', { 'x-forwarded-prefix': '"><script>' }]
  ]
  for (const [dashboardPath, asked, seen, headers] of cases) {
    const { url } = await startDiscovery(t, { dashboardPath })
    const { text } = await call(url, asked, { headers })
    const links = [...text.matchAll(/(?:href|src)="([^"]*)"/g)].map(match => new URL(match[1]!, `http://browser${seen}`).pathname)
    t.equal(links.length, 3)
    const prefix = headers['x-forwarded-prefix']?.startsWith('/p') === true
      ? headers['x-forwarded-prefix'].replace(/\/$/, '')
      : seen.slice(0, seen.length - asked.length)
    for (const link of links) {
      t.ok(link.startsWith(`${prefix}${dashboardPath.replace(/\/$/, '')}/`), `${seen}: ${link}`)
      t.equal((await call(url, link.slice(prefix.length))).status, 200, link)
    }
  }
})

t.test('how a path is read', async t => {
  t.equal(routedPath('//a//b', ''), '/a//b')
  t.equal(routedPath('/x?y=//z', '/x'), '/?y=//z')
  t.equal(routedPath('*', ''), '*')
  t.equal(routedPath('/xy', '/x'), '/*')
})
