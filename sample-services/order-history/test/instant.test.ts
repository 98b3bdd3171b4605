/** Dates of requests are instants: whatever their spelling, and no others. */
import { t } from 'tap'
import { readInstant } from '../http/instant.ts'

t.test('one instant, one spelling', async t => {
  const noon = '2026-01-31T12:00:00.000Z'
  for (const text of ['2026-01-31T12:00:00Z', '2026-01-31t12:00:00z', '2026-01-31T12:00:00.0Z', '2026-01-31T12:00:00.000000000Z', '2026-01-31T14:00:00+02:00',
    '2026-01-31T14:00:00 02:00', '2026-01-31T12:00:00-00:00', '2026-01-31T06:30:00-05:30', '2026-02-01T11:59:00+23:59']) {
    t.equal(readInstant(text), noon, text)
  }
})

t.test('fractions: to the millisecond, and what is finer belongs to the next', async t => {
  const read = (fraction: string) => readInstant(`2026-01-31T12:00:00.${fraction}Z`)?.slice(20)
  t.same(['5', '57', '123', '1230', '1230001', '123999999', '999', '9990001', '0000000000000000001'].map(read),
    ['500Z', '570Z', '123Z', '123Z', '124Z', '124Z', '999Z', '000Z', '001Z'])
  t.equal(readInstant('2026-12-31T23:59:59.9999Z'), '2027-01-01T00:00:00.000Z')
})

t.test('leap seconds, leap days, the first and the last year', async t => {
  t.equal(readInstant('2016-12-31T23:59:60Z'), '2017-01-01T00:00:00.000Z')
  t.equal(readInstant('2017-01-01T01:59:60+02:00'), '2017-01-01T00:00:00.000Z')
  t.equal(readInstant('2016-12-31T23:59:60.25Z'), '2017-01-01T00:00:00.250Z')
  t.equal(readInstant('2016-12-31T23:59:60+02:00'), undefined, 'no leap second in that offset')
  t.equal(readInstant('2024-02-29T00:00:00Z'), '2024-02-29T00:00:00.000Z')
  t.equal(readInstant('0000-01-01T00:00:00Z'), '0000-01-01T00:00:00.000Z')
  t.equal(readInstant('0000-01-01T00:00:00+01:00'), '0000-01-01T00:00:00.000Z', 'nothing is older')
  t.equal(readInstant('0099-06-01T00:00:00Z'), '0099-06-01T00:00:00.000Z')
  t.equal(readInstant('9999-12-31T23:59:59.999Z'), '9999-12-31T23:59:59.999Z')
  t.equal(readInstant('9999-12-31T23:59:59-01:00'), '9999-12-31T23:59:59.999Z', 'nothing is newer')
})

t.test('what is no instant', async t => {
  for (const text of ['', '2026-01-31', '2026-01-31T12:00Z', '2026-01-31T12:00:00', '2026-01-31 12:00:00Z', '2026-02-30T00:00:00Z', '2023-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-31T24:00:00Z', '2026-01-31T23:60:00Z', '2026-01-31T23:00:61Z',
    '2026-01-31T12:00:60Z', '2026-01-31T12:00:00.Z', '2026-01-31T12:00:00+24:00', '2026-01-31T12:00:00+02:60', '2026-01-31T12:00:00+0200',
    '2026-01-31T12:00:00+02', '+002026-01-31T12:00:00Z', '20260131T120000Z', '2026-W05-6T12:00:00Z', '1767225600', ' 2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z\n']) {
    t.equal(readInstant(text), undefined, JSON.stringify(text))
  }
})
