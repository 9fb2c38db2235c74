/**
 * What runs within Redis. A script is one step to everyone else: nobody sees half of a publish, and what is numbered first
 * is heard first.
 *
 * The keys, all with the prefix in braces, so that a Redis Cluster keeps them on one node:
 *
 * | key | type | what |
 * |---|---|---|
 * | `{prefix}:meta` | hash | the history that there is: see below |
 * | `{prefix}:<epoch>:channels` | sorted set | each channel with its last sequence |
 * | `{prefix}:<epoch>:history:<channel>` | stream | entries `<sequence>-0`: `e` the record, `p` the sequence before it in its channel |
 * | `{prefix}:<epoch>:ids:<channel>` | sorted set | publishers' own ids, each with the sequence of the first event that has it |
 * | `{prefix}:<epoch>:named` | sorted set | each channel that has such ids, with the sequence of the last |
 * | `{prefix}:<epoch>:bytes:<channel>` | list | where `historyBytes` bounds it: how many bytes the channel had had before its oldest entry, and up to each |
 * | `{prefix}:<epoch>:again:<channel>` | hash | the sequences of later events with the same id, joined by commas |
 *
 * A history that was replaced keeps to names of its own: nothing of it can be taken for the new one's, and it expires.
 *
 * `meta`: `epoch`; `last`, the highest sequence; `floor`, the highest of those that channels had which are forgotten;
 * `sharded`, whether live events go by sharded Pub/Sub; `run`, the server's run id, with `restored` and `restarted`: what
 * `last` was when this server was met first, and the sequence of that moment. Between these two nothing was published that
 * is still there.
 *
 * Sequences embed the server's time, in steps of 1/4096 ms since the beginning of 2025. They stay ordered should a replica
 * take over that had not got the last of them, and are exact in Lua's numbers, and JavaScript's, until 2094.
 *
 * Whoever calls with an epoch that is another one by now gets null, and nothing is done.
 */

/** What all scripts have. */
export const COMMON = `
-- Lua's own way cuts a number at 14 digits.
local function text(sequence)
  return string.format('%.0f', sequence)
end

local function sequenceOfNow()
  local time = redis.call('TIME')
  return (time[1] * 1000 + math.floor(time[2] / 1000) - 1735689600000) * 4096
end
`;

/**
 * Comes first on a connection: finds out which history there is, or begins one.
 *
 * Redis may have come back with less than it had: without persistence, from an old snapshot, or as a replica that was behind.
 * Whoever knows of an event that is not there says so, and the history is replaced: every id of it is a gap from then on.
 *
 * KEYS: meta. ARGV: the prefix of all keys; an epoch to begin; the server's run id; whether to use sharded Pub/Sub, 1 or 0; the
 * epoch that the caller knew, and the highest sequence.
 * Returns the epoch, and whether Pub/Sub is sharded.
 */
export const CONNECT = `${COMMON}
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'run', 'restored', 'restarted', 'sharded')
local epoch, last, run, restored, restarted, sharded = unpack(meta)
local isReplaced = not epoch
if epoch then
  if run ~= ARGV[3] then
    restored, restarted = last, text(sequenceOfNow())
    redis.call('HSET', KEYS[1], 'run', ARGV[3], 'restored', restored, 'restarted', restarted)
  end
  local known = tonumber(ARGV[6])
  local isMissing = known > tonumber(last) or (known > tonumber(restored) and known < tonumber(restarted))
  isReplaced = epoch == ARGV[5] and isMissing
end
if isReplaced then
  if epoch then redis.call('UNLINK', ARGV[1] .. epoch .. ':channels') end
  epoch, sharded = ARGV[2], ARGV[4]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'last', 0, 'floor', 0, 'sharded', sharded,
    'run', ARGV[3], 'restored', 0, 'restarted', 0)
end
-- The others look whether it is still theirs. It also shows at once whether we may publish.
redis.call(sharded == '1' and 'SPUBLISH' or 'PUBLISH', ARGV[1] .. 'epoch', epoch)
return { epoch, sharded }
`;

/**
 * Appends events to the histories of their channels, and hands them to whoever listens.
 *
 * KEYS: meta. ARGV: the epoch; the prefix of this history's keys; how many events a channel keeps; for how many ms; how many bytes
 * of records, or -1 for any number; then for each event its channel and its record.
 * Returns the sequence of the first, the others count on from there; then, of each that Redis would not take, its place
 * from 0 and what Redis said.
 */
export const APPEND = `${COMMON}
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'floor', 'sharded', 'restarted')
if meta[1] ~= ARGV[1] then return false end
local prefix, historyCount, historyMs, historyBytes = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local isSharded = meta[4] == '1'
local begin = 6
local count = (#ARGV - begin + 1) / 2
local now = sequenceOfNow()
-- Above that of the restart, should the clock go back after it: below is what was lost.
local first = math.max(tonumber(meta[2]) + 1, tonumber(meta[5]) + 1, now)
-- Before all else: what Redis refuses for want of memory or of a disk, or as a replica, it refuses here, with nothing done.
redis.call('HSET', KEYS[1], 'last', text(first + count - 1))

-- Events of one channel that follow each other go as one message: the first sequence, then the records.
local run = nil
local function sendRun()
  if not run then return end
  local message = run.first .. table.concat(run.records, '\\r\\r')
  local name = prefix .. 'live:' .. run.name
  if not isSharded then
    redis.call('PUBLISH', name, message)
  else
    redis.call('SPUBLISH', name, message)
    -- There are no patterns in sharded Pub/Sub. Whoever has one is connected to this node as well.
    if redis.call('PUBSUB', 'NUMPAT') > 0 then redis.call('PUBLISH', name, message) end
  end
  run = nil
end

local channels, order, reply = {}, {}, { text(first) }
for index = begin, #ARGV, 2 do
  local name, record = ARGV[index], ARGV[index + 1]
  local channel = channels[name]
  if not channel then
    local previous = redis.call('ZSCORE', prefix .. 'channels', name)
    channel = { history = prefix .. 'history:' .. name, previous = previous and text(previous) or meta[3], sizes = {} }
    channels[name] = channel
    order[#order + 1] = name
  end
  local sequence = text(first + (index - begin) / 2)
  local kept = redis.pcall('XADD', channel.history, sequence .. '-0', 'e', record, 'p', channel.previous)
  if type(kept) == 'table' and kept.err then
    reply[#reply + 1] = text((index - begin) / 2)
    reply[#reply + 1] = kept.err
    sendRun()
  else
    channel.previous = sequence
    channel.sizes[#channel.sizes + 1] = #record
    if string.byte(record) == 61 then
      local id = string.match(record, '^=([^\\r]*)')
      channel.named = sequence
      if redis.call('ZADD', prefix .. 'ids:' .. name, 'NX', sequence, id) == 0 then
        local again = redis.call('HGET', prefix .. 'again:' .. name, id)
        redis.call('HSET', prefix .. 'again:' .. name, id, again and again .. ',' .. sequence or sequence)
      end
    end
    if run and (run.name ~= name or run.bytes > 1048576) then sendRun() end
    run = run or { name = name, first = sequence, records = {}, bytes = 0 }
    run.records[#run.records + 1] = record
    run.bytes = run.bytes + #record
  end
end
sendRun()

-- Drops the ids of events that are kept no more; another event with the same id takes its place.
local function dropIds(name, history)
  local ids, again = prefix .. 'ids:' .. name, prefix .. 'again:' .. name
  local entry = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)[1]
  local oldest = entry and string.match(entry[1], '^%d+') or 'inf'
  local before = '(' .. oldest
  if redis.call('EXISTS', again) == 1 then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', ids, '-inf', before)) do
      local kept = {}
      for sequence in string.gmatch(redis.call('HGET', again, id) or '', '%d+') do
        if oldest ~= 'inf' and tonumber(sequence) >= tonumber(oldest) then kept[#kept + 1] = sequence end
      end
      redis.call('HDEL', again, id)
      if kept[1] then redis.call('ZADD', ids, table.remove(kept, 1), id) end
      if kept[1] then redis.call('HSET', again, id, table.concat(kept, ',')) end
    end
  end
  redis.call('ZREMRANGEBYSCORE', ids, '-inf', before)
  redis.call('PEXPIRE', ids, historyMs)
  redis.call('PEXPIRE', again, historyMs)
end

-- Keeps count of what was appended. Returns the list of it, and how many bytes the channel has had in all.
local function countBytes(name, channel)
  local list = prefix .. 'bytes:' .. name
  local before = redis.call('XLEN', channel.history) - #channel.sizes
  if redis.call('LLEN', list) ~= before + 1 then
    -- It is new, or brokers have appended that do not count: what was there weighs nothing.
    redis.call('DEL', list)
    for _ = 0, before do redis.call('RPUSH', list, 0) end
  end
  local total = tonumber(redis.call('LINDEX', list, -1))
  for _, size in ipairs(channel.sizes) do
    total = total + size
    redis.call('RPUSH', list, text(total))
  end
  return list, total
end

local oldest = text(math.max(0, now - historyMs * 4096))

-- Evicts what is beyond the limits.
local function trim(name, channel)
  local list, total
  if historyBytes >= 0 then list, total = countBytes(name, channel) end
  local dropped = redis.call('XTRIM', channel.history, 'MAXLEN', historyCount)
  dropped = dropped + redis.call('XTRIM', channel.history, 'MINID', oldest)
  redis.call('PEXPIRE', channel.history, historyMs)
  if not list then return end
  local excess = dropped
  while total - tonumber(redis.call('LINDEX', list, excess)) > historyBytes do excess = excess + 1 end
  if excess > dropped then redis.call('XTRIM', channel.history, 'MAXLEN', redis.call('LLEN', list) - 1 - excess) end
  if excess > 0 then redis.call('LPOP', list, excess) end
  redis.call('PEXPIRE', list, historyMs)
end

for _, name in ipairs(order) do
  local channel = channels[name]
  if #channel.sizes > 0 then
    redis.call('ZADD', prefix .. 'channels', channel.previous, name)
    trim(name, channel)
    if redis.call('EXISTS', prefix .. 'ids:' .. name) == 1 then dropIds(name, channel.history) end
    if channel.named then
      redis.call('ZADD', prefix .. 'named', channel.named, name)
      redis.call('ZREMRANGEBYSCORE', prefix .. 'named', '-inf', '(' .. oldest)
      redis.call('PEXPIRE', prefix .. 'named', historyMs)
    end
  end
end

-- Forgets channels that have kept nothing for long. How far these had come is the floor for all that are not known.
local forgotten = redis.call('ZRANGEBYSCORE', prefix .. 'channels', '-inf',
  text(math.max(0, now - historyMs * 2 * 4096)), 'WITHSCORES', 'LIMIT', 0, 2 * #order)
if #forgotten > 0 then
  redis.call('HSET', KEYS[1], 'floor', text(forgotten[#forgotten]))
  redis.call('ZREMRANGEBYRANK', prefix .. 'channels', 0, #forgotten / 2 - 1)
end
return reply
`;
