/**
 * What runs inside Redis, each script as one step that nobody interrupts. All keys lie in one hash slot:
 *
 *   {name}:data               hash: the entries
 *   {name}:index              sorted set: their keys, in the order of their bytes
 *   {name}:relay              who relays; for some seconds
 *   {name}:done:<instance>:<slot>   the last commit of an instance in one of its slots, and how it ended; for an hour
 */
import { NEW, SEQ } from '../key-value-keys.ts'

/**
 * KEYS: data, index, the slot of this commit. ARGV: the commit's number in its slot, for how many ms the slot is kept,
 * '1' when something is written; the number of checks, then key and expected text of each; the number of rows for the
 * outbox, then their keys in by-dedupe and the rows; then key and new text of each write. The empty text stands for
 * "none", JSON never is empty.
 *
 * Returns 0 when it is committed, or the position of the first check that failed. A commit whose answer was lost is
 * sent again: its number says that it was done, and how it ended. A number below the last one comes from a connection
 * that was given up; nobody waits for it.
 */
export const COMMIT = `
local data, index, slot = KEYS[1], KEYS[2], KEYS[3]
local last, outcome = string.match(redis.call('GET', slot) or '', '^(%d+) (%d+)$')
if last and tonumber(last) >= tonumber(ARGV[1]) then
  redis.call('PEXPIRE', slot, ARGV[2])
  return tonumber(outcome)
end
local function settle(outcome)
  if ARGV[3] == '1' then redis.call('SET', slot, ARGV[1] .. ' ' .. outcome, 'PX', ARGV[2]) end
  return outcome
end
local function put(key, text)
  redis.call('HSET', data, key, text)
  redis.call('ZADD', index, 0, key)
end
local at = 4
for i = 1, tonumber(ARGV[at]) do
  if (redis.call('HGET', data, ARGV[at + 2 * i - 1]) or '') ~= ARGV[at + 2 * i] then return settle(i) end
end
at = at + 2 * tonumber(ARGV[at]) + 1
for i = 1, tonumber(ARGV[at]) do
  local dedupe, row = ARGV[at + 2 * i - 1], ARGV[at + 2 * i]
  if redis.call('HEXISTS', data, dedupe) == 0 then
    local seq = string.format('%d', redis.call('HINCRBY', data, '${SEQ}', 1))
    redis.call('ZADD', index, 0, '${SEQ}')
    put(string.format('${NEW}%016d', seq), string.sub(row, 1, -2) .. ',"seq":' .. seq .. '}')
    put(dedupe, seq)
  end
end
at = at + 2 * tonumber(ARGV[at]) + 1
for i = at, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', data, ARGV[i])
    redis.call('ZREM', index, ARGV[i])
  else
    put(ARGV[i], ARGV[i + 1])
  end
end
return settle(0)
`

/** KEYS: data, index. ARGV: start, end, limit. Keys and texts as of one moment, one behind the other. */
export const RANGE = `
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  found[#found + 1] = key
  found[#found + 1] = redis.call('HGET', KEYS[1], key)
end
return found
`

/** KEYS: the lead. ARGV: who asks, for how many ms. Renews only what is one's own. */
export const LEAD = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

/** KEYS: the lead. ARGV: who gives it back. */
export const RESIGN = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
`

/**
 * KEYS: data, index, a slot. ARGV: the time. Does once whatever the others do, so that a right that is missing shows
 * before a commit could stop half way, and by its name; and asks whether the index lists what there is. Returns the
 * number of entries, and of those in the index.
 */
export const PROBE = `
local data, index, slot = KEYS[1], KEYS[2], KEYS[3]
local answer
for _, call in ipairs({
  {'SET', slot, '0 0', 'PX', 1000}, {'PEXPIRE', slot, 1000}, {'GET', slot}, {'DEL', slot},
  {'HEXISTS', data, 'check'}, {'HGET', data, 'check'}, {'HLEN', data}, {'ZCARD', index},
  {'ZRANGEBYLEX', index, '[check', '[check'}, {'ZREVRANGEBYLEX', index, '[check', '[check'},
  {'ZLEXCOUNT', index, '[check', '[check'},
  {'ZADD', index, 0, 'check'}, {'HSET', data, 'check', ARGV[1]},
  {'HINCRBY', data, 'probe', 1}, {'ZADD', index, 0, 'probe'}, {'HDEL', data, 'probe'}, {'ZREM', index, 'probe'}
}) do
  answer = redis.pcall(unpack(call))
  if type(answer) == 'table' and answer.err then return redis.error_reply(answer.err .. ' (' .. call[1] .. ')') end
end
return {redis.call('HLEN', data), redis.call('ZCARD', index)}
`
