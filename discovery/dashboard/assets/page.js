/** The registry's page: a stream says what is new, and only the lines that are looked at are fetched. */

const PAGE_SIZE = 50
/** Beside this file, whatever prefix a proxy has put before it. */
const HERE = import.meta.url
const at = id => document.getElementById(id)
const state = { page: 1, index: '', mayChange: false, asked: 0 }

function element (name, text, className) {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  if (className) made.className = className
  return made
}

function ago (ms) {
  if (ms < 1000) return 'now'
  const seconds = Math.round(ms / 1000)
  return seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`
}

async function getJson (path) {
  const reply = await fetch(new URL(`api/${path}`, HERE), { headers: { accept: 'application/json' } })
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`)
  return reply.json()
}

function showOverview (overview) {
  const { environment, datacenter, applications, instances, statuses, preservation, peers, subscribers } = overview
  at('where').textContent = `${environment} / ${datacenter}`
  at('live').textContent = 'live'
  at('counts').replaceChildren(
    element('li', `${applications} applications`), element('li', `${instances} instances`),
    ...Object.entries(statuses).filter(([, count]) => count > 0)
      .map(([status, count]) => element('li', `${count} ${status}`, status)),
    element('li', `${preservation.renewals} renewals in the last minute`), element('li', `${subscribers} on the stream`))
  at('preservation').textContent = preservation.words
  at('preservation').classList.toggle('active', preservation.active && preservation.reason === 'too-few')
  at('peers-section').hidden = peers.length === 0
  at('peers').replaceChildren(...peers.map(peerRow))
}

function peerRow (peer) {
  const row = element('tr')
  row.append(element('td', peer.url), element('td', peer.available ? 'reached' : 'not reached', peer.available ? 'UP' : 'away'),
    element('td', peer.queued), element('td', `${(peer.lagMs / 1000).toFixed(1)} s`), element('td', peer.sent), element('td', peer.dropped),
    agreementCell(peer))
  return row
}

/** Whether the peer has the same: in words, with the first of what differs. */
function agreementCell ({ comparison, differing, differ, instances }) {
  const words = {
    equal: `equal, ${instances} instances`,
    exchanged: `${differing} differ`,
    foreign: 'cannot compare',
    failed: 'not compared now',
    unreached: 'no answer'
  }
  const cell = element('td', words[comparison] ?? 'not compared yet', comparison === 'equal' ? 'UP' : 'UNKNOWN')
  cell.title = differ.slice(0, 10).map(({ app, id }) => `${app} ${id}`).join('\n')
  return cell
}

async function showInstances () {
  const asked = ++state.asked
  const query = new URLSearchParams({
    search: at('search').value, status: at('status').value, page: String(state.page), size: String(PAGE_SIZE)
  })
  const { rows, total, pages } = await getJson(`instances?${query}`)
  // A slow answer to an older question must not replace the newer one.
  if (asked !== state.asked) return
  if (state.page > pages) {
    state.page = pages
    return showInstances()
  }
  at('found').textContent = `${total} found`
  at('page').textContent = `${state.page} of ${pages}`
  at('previous').disabled = state.page <= 1
  at('next').disabled = state.page >= pages
  at('empty').hidden = total > 0 || at('search').value !== '' || at('status').value !== ''
  at('instances').replaceChildren(...rows.map(instanceRow))
}

/** Who has set an override, why and until when. */
function setBy ({ author, reason, until }) {
  const named = author && author !== 'local' && author !== 'everyone'
  const end = until ? ` until ${new Date(until).toLocaleString()}` : ''
  return `${named ? author : 'an operator'}${reason ? `: ${reason}` : ''}${end}`
}

function instanceRow (row) {
  const line = element('tr')
  line.dataset.id = row.id
  const status = element('td')
  status.append(element('strong', row.status, row.status))
  if (row.override) status.append(` set by ${setBy(row.note)}`)
  if (row.reason && row.reason !== row.note?.reason) status.append(` (health check: ${row.reason})`)
  if (row.unverified) status.append(' (not confirmed since the restart)')
  const renewed = element('td', ago(row.renewedMsAgo))
  renewed.title = `the lease lasts ${row.leaseMs / 1000} s`
  const links = element('td')
  for (const [name, url] of row.links) {
    const link = element('a', name)
    Object.assign(link, { href: url, target: '_blank', rel: 'noreferrer noopener' })
    links.append(link, ' ')
  }
  line.append(element('td', row.app), element('td', row.port ? `${row.id} (${row.host}:${row.port})` : row.id), status, renewed,
    element('td', row.zone), element('td', row.metadata.map(pair => pair.join('=')).join(', '), 'metadata'), links)
  if (state.mayChange) line.append(actionCell(row))
  return line
}

function actionCell (row) {
  const cell = element('td')
  const button = (text, action, question) => {
    const made = element('button', text)
    made.type = 'button'
    made.addEventListener('click', () => { if (!question || confirm(question)) void act({ ...action, app: row.app, id: row.id }) })
    cell.append(made)
  }
  if (row.override) button('Clear override', { kind: 'clear override' })
  else if (row.status === 'UP') button('Take out of service', { kind: 'override', status: 'OUT_OF_SERVICE' })
  button('Deregister', { kind: 'deregister' }, `Deregister ${row.id}? If it still runs, its next heartbeat brings it back.`)
  return cell
}

async function act (action) {
  const reply = await fetch(new URL('api/actions', HERE), {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(action)
  })
  if (!reply.ok) {
    const { detail } = await reply.json().catch(() => ({}))
    fail(detail ?? `The registry refused (${reply.status}).`)
  }
  await refresh()
}

/** Takes out, or brings back, all of a host, a zone, an application or a version. */
function drain (event) {
  event.preventDefault()
  const kind = event.submitter.value
  const [by, value] = [at('by').value, at('value').value]
  if (!confirm(`${event.submitter.textContent}: every instance whose ${by} is ${value}?`)) return
  const set = kind === 'override' ? { status: 'OUT_OF_SERVICE', reason: at('reason').value } : {}
  const end = kind === 'override' && at('for').value !== '' ? { for: at('for').value } : {}
  void act({ kind, where: { [by]: value }, ...set, ...end })
}

async function showChanges () {
  const changes = await getJson('changes')
  at('changes').replaceChildren(...changes.map(({ at: when, app, id, action, status }) => {
    const line = element('li')
    line.append(element('time', new Date(when).toLocaleTimeString()), ` ${action.toLowerCase()} ${app} ${id} `, element('span', status, status))
    return line
  }))
}

function fail (text) {
  at('failure').textContent = text
  at('failure').hidden = false
  setTimeout(() => { at('failure').hidden = true }, 10_000)
}

async function refresh () {
  try {
    await Promise.all([showInstances(), showChanges()])
  } catch (failure) {
    fail(String(failure.message))
  }
}

function debounced (callback, ms) {
  let timer
  return () => {
    clearTimeout(timer)
    timer = setTimeout(() => callback(), ms)
  }
}

function turn (by) {
  state.page += by
  void refresh()
}

const search = debounced(() => {
  state.page = 1
  void refresh()
}, 200)
at('search').addEventListener('input', search)
at('status').addEventListener('change', search)
at('filter').addEventListener('submit', event => event.preventDefault())
at('previous').addEventListener('click', () => turn(-1))
at('next').addEventListener('click', () => turn(1))

const overview = await getJson('overview')
state.mayChange = overview.mayChange
at('base').textContent = new URL(`${overview.root}eureka/`, HERE)
at('actions-head').hidden = at('drain').hidden = !state.mayChange
at('drain').addEventListener('submit', drain)
showOverview(overview)
await refresh()

const events = new EventSource(new URL('events', HERE))
events.addEventListener('message', ({ data }) => {
  const news = JSON.parse(data)
  showOverview(news)
  if (news.index === state.index) return
  state.index = news.index
  void refresh()
})
events.addEventListener('error', () => { at('live').textContent = 'the registry does not answer; trying again' })
// Without any change the ages of the leases still grow.
setInterval(() => { if (!document.hidden) void refresh() }, 10_000)
