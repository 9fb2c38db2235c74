/** What runs within Redis to read what `redis-scripts.ts` keeps there. */

import { COMMON } from './redis-scripts.js';

/** Patterns: a star stands for any text, and nothing else is special. In one go over the name, whatever the pattern. */
const PATTERNS = `
local function partsOf(pattern)
  local parts = {}
  for part in string.gmatch(pattern .. '*', '([^*]*)%*') do parts[#parts + 1] = part end
  return parts
end

local function matches(parts, name)
  local first, last = parts[1], parts[#parts]
  if #parts == 1 then return name == first end
  if #name < #first + #last or string.sub(name, 1, #first) ~= first then return false end
  if string.sub(name, #name - #last + 1) ~= last then return false end
  local at = #first + 1
  for index = 2, #parts - 1 do
    local _, stop = string.find(name, parts[index], at, true)
    if not stop then return false end
    at = stop + 1
  end
  return at <= #name - #last + 1
end
`;

/**
 * Reads a part of a channel's history, or of those of all channels that a pattern matches.
 *
 * KEYS: meta. ARGV: the epoch; the prefix of this history's keys; the channel; the sequence to read on from, or '' for the newest;
 * how many events, and how many bytes, it may be.
 * Returns after which sequence and through which this is all that there is, through which there were losses, and then for each event
 * its sequence and its record.
 */
export const READ = `${COMMON}${PATTERNS}
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'floor')
if meta[1] ~= ARGV[1] then return false end
local last, floor = tonumber(meta[2]), tonumber(meta[3])
local prefix, wanted, from = ARGV[2], ARGV[3], tonumber(ARGV[4])
local limit, maxBytes = tonumber(ARGV[5]), tonumber(ARGV[6])

local function eventOf(entry)
  local fields = entry[2]
  return { sequence = tonumber(string.match(entry[1], '^%d+')), record = fields[2], previous = tonumber(fields[4]) }
end

-- Reads entries from one end to the other, a few at a time: they may be large. The second result: there may be more.
local function collect(history, start, stop)
  local command = from and 'XRANGE' or 'XREVRANGE'
  local found, bytes, step = {}, 0, 1
  while true do
    local entries = redis.call(command, history, start, stop, 'COUNT', step)
    for _, entry in ipairs(entries) do
      if #found == limit or bytes >= maxBytes then return found, true end
      local event = eventOf(entry)
      found[#found + 1] = event
      bytes = bytes + #event.record
    end
    if #entries < step then return found, false end
    local reached = found[#found].sequence
    start = text(from and reached + 1 or reached - 1)
    step = math.max(1, math.min(32, math.floor((maxBytes - bytes) * #found / (bytes + 1))))
  end
end

-- What was lost of a channel: all before the oldest that it keeps, or all.
local function lostOf(history, reached)
  local oldest = redis.call('XRANGE', history, '-', '+', 'COUNT', 1)[1]
  return oldest and eventOf(oldest).previous or reached
end

local function answer(events, after, through, lost)
  local reply = { text(after), text(through), text(lost) }
  for _, event in ipairs(events) do
    reply[#reply + 1] = text(event.sequence)
    reply[#reply + 1] = event.record
  end
  return reply
end

local function isEarlier(one, other)
  return one.sequence < other.sequence
end

if not string.find(wanted, '*', 1, true) then
  local history = prefix .. 'history:' .. wanted
  local lost = lostOf(history, tonumber(redis.call('ZSCORE', prefix .. 'channels', wanted) or floor))
  if from then
    local found, isCut = collect(history, text(from + 1), '+')
    return answer(found, from, isCut and found[#found].sequence or last, lost)
  end
  local found = collect(history, '+', '-')
  table.sort(found, isEarlier)
  return answer(found, found[1] and found[1].previous or lost, last, lost)
end

-- What is beyond this sequence, on the far side of the reading, is left for another page.
local edge = nil
local function isWithin(event)
  return not edge or (from and event.sequence <= edge) or (not from and event.sequence >= edge)
end

local function cut(events)
  table.sort(events, isEarlier)
  local kept, bytes = {}, 0
  local begin, finish, step = #events, 1, -1
  if from then begin, finish, step = 1, #events, 1 end
  for index = begin, finish, step do
    local event = events[index]
    if not isWithin(event) then break end
    if #kept == limit or bytes >= maxBytes then
      edge = kept[#kept].sequence
      break
    end
    kept[#kept + 1] = event
    bytes = bytes + #event.record
  end
  table.sort(kept, isEarlier)
  return kept
end

local parts, events, lost = partsOf(wanted), {}, floor
local names = from and redis.call('ZRANGEBYSCORE', prefix .. 'channels', text(from + 1), '+inf', 'WITHSCORES')
  or redis.call('ZREVRANGEBYSCORE', prefix .. 'channels', '+inf', '-inf', 'WITHSCORES')
for index = 1, #names, 2 do
  local name, reached = names[index], tonumber(names[index + 1])
  -- Of all that follow, the newest event is older than what is wanted.
  if not from and edge and reached < edge then break end
  if matches(parts, name) then
    local history = prefix .. 'history:' .. name
    lost = math.max(lost, lostOf(history, reached))
    local found, isCut = collect(history, from and text(from + 1) or '+', edge and text(edge) or from and '+' or '-')
    for _, event in ipairs(found) do events[#events + 1] = event end
    if isCut then
      local reach = found[#found].sequence
      edge = edge and (from and math.min(edge, reach) or math.max(edge, reach)) or reach
    end
    if #events > 2 * limit or isCut then events = cut(events) end
  end
end
events = cut(events)
if from then return answer(events, from, edge or last, lost) end

-- Of the newest, only what comes after all losses belongs together. Unless nothing older is kept, the loss is not said to reach
-- that far: who stands before it has to read.
local after = edge and math.max(lost, edge - 1) or lost
local newest = {}
for _, event in ipairs(events) do
  if event.sequence > after then newest[#newest + 1] = event end
end
local isWhole = not edge and #newest == #events
return answer(newest, after, last, isWhole and lost or math.min(lost, after - 1))
`;

/**
 * Finds the event that a publisher gave an id.
 *
 * KEYS: meta. ARGV: the epoch; the prefix of this history's keys; the id; then the channels, or patterns.
 * Returns its sequence; '0' if there is none that is kept, or one in several channels.
 */
export const LOCATE = `${COMMON}${PATTERNS}
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch ~= ARGV[1] then return false end
local prefix, id = ARGV[2], ARGV[3]

-- Anybody may ask for anything: what has no such ids is not looked at.
local names, named = {}, nil
for index = 4, #ARGV do
  if not string.find(ARGV[index], '*', 1, true) then
    names[ARGV[index]] = true
  else
    local parts = partsOf(ARGV[index])
    named = named or redis.call('ZRANGE', prefix .. 'named', 0, -1)
    for _, name in ipairs(named) do
      if matches(parts, name) then names[name] = true end
    end
  end
end

local found = '0'
for name in pairs(names) do
  local sequence = redis.call('ZSCORE', prefix .. 'ids:' .. name, id)
  if sequence then
    sequence = text(sequence)
    if #redis.call('XRANGE', prefix .. 'history:' .. name, sequence, sequence) > 0 then
      if found ~= '0' then return '0' end
      found = sequence
    end
  end
end
return found
`;
