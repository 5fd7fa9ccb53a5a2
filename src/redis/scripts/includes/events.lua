-- An event's id is `<epoch>-<number>`; its number is one more than that of the event before, so that a gap would be seen. With the tag that its
-- publisher gave it, it makes a cursor: an event that was lost and another that took its number are told apart. A new epoch begins
-- whenever something may have been lost.
local function cursor_of(entry) return entry[1] .. '-' .. entry[2][2] end

local function newest_of(events) return redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1] end

local function parts_of(id)
  local epoch, number = id:match('^(%d+)%-(%d+)$')
  return tonumber(epoch), tonumber(number)
end

-- 'there'; 'trimmed': older than all that is kept; 'lost': Redis has forgotten it, or never knew it.
local function place_of(events, cursor)
  local id, tag = cursor:match('^(%d+%-%d+)%-(.+)$')
  if not id then return 'lost' end
  local entry = redis.call('XRANGE', events, id, id)[1]
  if entry then return entry[2][2] == tag and 'there' or 'lost' end
  local is_before_all = #redis.call('XRANGE', events, '-', id, 'COUNT', 1) == 0
  return is_before_all and newest_of(events) and 'trimmed' or 'lost'
end

-- About so many events of a PBX can be asked for again; a log that nothing is added to for so many ms is removed.
local events_kept, events_ttl = 10000, 86400000

-- By log: the epoch that was current when something was last added. A guess, which is kept from call to call and which Redis confirms or refuses.
local epochs = {}
-- By log: when its end was last put off. It is not done for each event: an hour more or less to the day does not matter.
local put_off = {}
local put_off_every = 3600000
local function put_off_end(events, now)
  redis.call('PEXPIRE', events, events_ttl)
  put_off[events] = now
end

local function add_event(events, id, event, kept)
  local to = kept or events_kept
  return redis.pcall('XADD', events, 'NOMKSTREAM', 'MAXLEN', '~', to, id, 'tag', event[1], 'type', event[2], 'data', event[3])
end

-- The number after the newest of this epoch. Nil: there is no log, or another epoch is current.
local function add_to(events, epoch, event, kept)
  local id = add_event(events, epoch .. '-*', event, kept)
  if type(id) ~= 'string' then return nil end
  if not id:find('%-0$') then return id end
  -- No log begins with 0: this one has gone back to an earlier epoch.
  redis.call('XDEL', events, id)
  return nil
end

-- Adds events, and wakes those who follow the log; a list of {tag, type, data}. `isBroken`: something before them is not there. `kept`: instead of the
-- usual. Returns the cursor of the last.
local function add_events(events, now, list, isBroken, kept)
  local id
  for _, event in ipairs(list) do
    local guess = not isBroken and epochs[events]
    id = guess and add_to(events, guess, event, kept)
    if not id then
      local newest = newest_of(events)
      local epoch, number = 0, 0
      if newest then epoch, number = parts_of(newest[1]) end
      if not newest or isBroken then epoch, number = math.max(now, epoch + 1), 0 end
      isBroken = false
      epochs[events] = string.format('%d', epoch)
      id = string.format('%d-%d', epoch, number + 1)
      redis.call('XADD', events, 'MAXLEN', '~', kept or events_kept, id, 'tag', event[1], 'type', event[2], 'data', event[3])
      put_off_end(events, now) -- A log that has just been made has no end yet.
    end
  end
  local last = put_off[events]
  if not last or now < last or now - last >= put_off_every then put_off_end(events, now) end
  redis.call('PUBLISH', events, id)
  return id .. '-' .. list[#list][1]
end
