import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import t from 'tap'
import type { Discovery } from '../index.ts'
import { overviewOf } from '../dashboard/overview.ts'
import { rowsOf } from '../operator/rows.ts'
import { preservationWords } from '../dashboard/words.ts'
import { DEFAULTS } from '../options.ts'
import { instance, rawInstance } from './support/instances.ts'
import { call, getJson, JSON_TYPE, register, startDiscovery, until } from './support/server.ts'

const CHROMIUM = '/usr/bin/chromium'
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync']
const missing = existsSync(CHROMIUM) ? {} : { skip: 'chromium is not installed' }

t.test('in a browser', missing, async t => {
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: 120_000 })
  t.after(() => browser.close())

  /** Opens the page and notes what the browser complains about. */
  const open = async ({ url }: Discovery): Promise<{ page: Page, complaints: string[] }> => {
    const page = await browser.newPage()
    page.setDefaultTimeout(60_000)
    const complaints: string[] = []
    page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()) })
    page.on('pageerror', failure => complaints.push(failure.message))
    await page.goto(url)
    await page.locator('#live', { hasText: 'live' }).waitFor()
    return { page, complaints }
  }

  t.test('the page follows the registry without being reloaded', async t => {
    const discovery = await startDiscovery(t)
    const { page, complaints } = await open(discovery)
    // Each part of the page is fetched by itself.
    await page.locator('#empty', { hasText: 'Point a client at' }).waitFor()
    await register(discovery.url, { metadata: { zone: 'z1', evil: '<img src=x onerror=alert(1)>' }, homePageUrl: 'javascript:alert(1)' })
    const line = page.locator('#instances tr', { hasText: 'h1:orders:8080' })
    await line.waitFor()
    t.match(await line.innerText(), /ORDERS.*UP.*z1.*evil=<img/s)
    t.same(await line.locator('a').allInnerTexts(), ['status', 'health'], 'a link that runs a script is none')
    await call(discovery.url, '/eureka/apps/ORDERS/h1:orders:8080', { method: 'DELETE' })
    await line.waitFor({ state: 'detached' })
    await page.locator('#changes li', { hasText: 'deleted ORDERS h1:orders:8080' }).waitFor()
    await page.locator('#preservation', { hasText: 'Self-preservation begins at 10 instances, there are 0.' }).waitFor()
    t.same(complaints, [], 'and nothing offends the content security policy')
  })

  t.test('buttons take out of service, bring back, and deregister', async t => {
    const discovery = await startDiscovery(t)
    await register(discovery.url)
    const { page, complaints } = await open(discovery)
    page.on('dialog', dialog => dialog.accept())
    await page.getByRole('button', { name: 'Take out of service' }).click()
    await page.locator('#instances', { hasText: 'OUT_OF_SERVICE set by an operator' }).waitFor()
    t.match(await getJson(discovery.url, '/eureka/apps/ORDERS/h1:orders:8080'), { instance: { status: 'OUT_OF_SERVICE' } })
    await page.getByRole('button', { name: 'Clear override' }).click()
    await page.getByRole('button', { name: 'Take out of service' }).waitFor()
    await page.getByRole('button', { name: 'Deregister' }).click()
    await until(() => discovery.registry.book.size === 0, 'it is gone')
    t.same(complaints, [])
  })

  t.test('a zone is drained with a reason and restored, below a context path and a page path of its own', async t => {
    const discovery = await startDiscovery(t, { contextPath: '/reg', dashboardPath: '/ui' })
    const page = await browser.newPage()
    page.setDefaultTimeout(60_000)
    page.on('dialog', dialog => dialog.accept())
    const url = `${discovery.url}/reg`
    const raw = rawInstance({ metadata: { zone: 'z1' } })
    await call(url, '/reg/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ instance: raw }) })
    await page.goto(`${url}/ui`)
    await page.locator('#instances tr', { hasText: 'h1:orders:8080' }).waitFor()
    await page.locator('#by').selectOption('zone')
    await page.locator('#value').fill('z1')
    await page.locator('#reason').fill('new switch')
    await page.locator('#for').fill('2h')
    await page.getByRole('button', { name: 'Drain' }).click()
    await page.locator('#instances', { hasText: /OUT_OF_SERVICE set by an operator: new switch until / }).waitFor()
    await page.getByRole('button', { name: 'Restore' }).click()
    await until(() => discovery.registry.book.lease('ORDERS', 'h1:orders:8080')!.instance.status === 'UP', 'it is back')
    t.pass()
  })

  t.test('fifty thousand instances are searched and paged on the server', async t => {
    const discovery = await startDiscovery(t)
    for (let i = 0; i < 50_000; i++) {
      discovery.registry.register(instance({ app: `APP-${i % 500}`, instanceId: `node-${i}`, metadata: { rack: `r${i % 7}` } }), false)
    }
    const { page } = await open(discovery)
    await page.locator('#found', { hasText: '50000 found' }).waitFor()
    t.equal(await page.locator('#instances tr').count(), 50)
    await page.getByRole('button', { name: 'Next' }).click()
    await page.locator('#page', { hasText: '2 of 1000' }).waitFor()
    await page.locator('#search').fill('app-7 rack=r3 node-4')
    await page.locator('#page', { hasText: '1 of' }).waitFor()
    await until(async () => {
      const rows = await page.locator('#instances tr').allInnerTexts()
      return rows.length > 0 && rows.every(text => /node-\d*4/.test(text) && text.includes('rack=r3'))
    }, 'only what matches')
    await page.locator('#status').selectOption('DOWN')
    await page.locator('#found', { hasText: '0 found' }).waitFor()
    t.pass()
  })
})

t.test('what the page fetches', async t => {
  const discovery = await startDiscovery(t)
  const { url } = discovery
  for (let i = 0; i < 7; i++) await register(url, { instanceId: `i${i}`, app: i < 3 ? 'B' : 'A', status: i === 6 ? 'DOWN' : 'UP' })
  const rows = (query: string) => getJson<{ total: number, pages: number, rows: { id: string }[] }>(url, `/dashboard/api/instances?${query}`)
  t.match(await rows('size=2&page=2'), { total: 7, pages: 4, rows: [{ id: 'i5' }, { id: 'i6' }] }, 'by application')
  t.match(await rows('search=I1'), { total: 1, rows: [{ id: 'i1' }] })
  t.match(await rows('status=DOWN'), { total: 1, rows: [{ id: 'i6' }] })
  t.match(await rows('size=x&page=-3&status=nope&search='), { total: 7, pages: 1 }, 'nonsense is ignored')
  t.match(await rows('size=100000'), { pages: 1 })
  t.match(await getJson(url, '/dashboard/api/overview'), { instances: 7, statuses: { UP: 6, DOWN: 1 }, mayChange: true, peers: [] })
  t.match(await getJson(url, '/dashboard/api/changes'), [{ id: 'i6', action: 'ADDED' }, { id: 'i5' }])
  const act = (body: string, headers: Record<string, string> = JSON_TYPE) => call(url, '/dashboard/api/actions', { method: 'POST', headers, body })
  const target = { app: 'A', id: 'i3' }
  t.equal((await act(JSON.stringify({ ...target, kind: 'override', status: 'DOWN' }))).status, 204)
  t.equal((await act(JSON.stringify({ ...target, kind: 'deregister' }))).status, 204)
  t.match(JSON.parse((await act(JSON.stringify({ ...target, kind: 'deregister' }))).text), { status: 404 })
  for (const body of ['', '{}', 'null', JSON.stringify({ ...target, kind: 'override' }), JSON.stringify({ ...target, kind: 'explode' })]) {
    t.equal((await act(body)).status, 400, body)
  }
  t.equal((await act(JSON.stringify({ ...target, kind: 'deregister' }), { 'content-type': 'text/plain' })).status, 400, 'what a form of another site can send')
})

t.test('self-preservation in plain words', async t => {
  const discovery = await startDiscovery(t)
  const { preservation } = overviewOf(discovery.registry, discovery.peers, DEFAULTS, Date.now())
  const numbers = { ...preservation, instances: 100, expected: 200, needed: 170, renewals: 100 }
  for (const [reason, words] of [
    ['off', /^Self-preservation is off/], ['small', /begins at 10 instances, there are 100/], ['starting', /less than a minute ago/],
    ['enough', /^Leases expire normally: 100 renewals in the last minute, at least 170 of 200 wanted/], ['too-few', /^Nothing is removed at present.*100 renewals/]
  ] as const) t.match(preservationWords({ ...numbers, reason }), words)
})

t.test('a search looks at every instance once', async t => {
  const discovery = await startDiscovery(t)
  for (let i = 0; i < 50_000; i++) discovery.registry.register(instance({ app: `APP-${i % 500}`, instanceId: `node-${i}` }), false)
  const before = process.cpuUsage()
  const found = rowsOf(discovery.registry, { search: 'node-49999', status: undefined, page: 1, size: 50 }, Date.now())
  t.equal(found.total, 1)
  t.ok(process.cpuUsage(before).user < 2e6, 'in two seconds of processor time')
})
