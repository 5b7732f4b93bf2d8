namespace Workerman.Extensions.Redis;

/// <summary>
/// What the log does inside Redis, in one step each. The events are one stream: the id of an entry is <c>epoch-number</c>, where
/// the epoch is a time in milliseconds and the numbers are consecutive from 1 on. An entry has the fields <c>e</c> (the event as
/// JSON), <c>t</c> (its tag), <c>m</c> (when it was added, in Unix milliseconds), <c>z</c> (bytes of all events up to it) and, if
/// the application gave it an id, <c>i</c>; a hash knows the entries by those ids. No state; any thread.
/// </summary>
internal static class RedisScripts
{
    /// <summary>
    /// What the others begin with: KEYS are the stream and the hash, the first of ARGV the channel, then how many events, how
    /// many milliseconds and how many bytes are kept.
    /// </summary>
    private const string Common = """
        local key, ids, channel = KEYS[1], KEYS[2], ARGV[1]
        local maxCount, maxAge, maxSize = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
        local epoch, number, first, last
        local function text(value) return string.format('%.0f', value) end
        local function id(at) return text(epoch) .. '-' .. text(at) end
        local function parts(of)
          local e, n = string.match(of, '^(%d+)-(%d+)$')
          return tonumber(e), tonumber(n)
        end
        local function fields(entry)
          local map = {}
          if entry then for i = 1, #entry[2], 2 do map[entry[2][i]] = entry[2][i + 1] end end
          return map
        end
        -- Another epoch: whatever had numbers before means nothing any more.
        local function renew()
          epoch, number = math.max(now, (epoch or 0) + 1), 0
          redis.call('XSETID', key, id(0))
          -- Who may not publish, or is not heard, is found out by the next check of each node.
          redis.pcall('PUBLISH', channel, id(0) .. '\n')
        end
        local info = redis.pcall('XINFO', 'STREAM', key)
        if info.err and string.find(info.err, 'no such key') then
          redis.call('XGROUP', 'CREATE', key, 'new', '0', 'MKSTREAM')
          redis.call('XGROUP', 'DESTROY', key, 'new')
          redis.call('DEL', ids)
          renew()
        elseif info.err then
          return info
        else
          for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then epoch, number = parts(info[i + 1])
            elseif info[i] == 'first-entry' then first = info[i + 1]
            elseif info[i] == 'last-entry' then last = info[i + 1] end
          end
          -- Somebody else has made the stream.
          if epoch == 0 then renew() end
        end
        -- What a node has seen is no longer there: Redis has lost its last writes.
        local function check(known)
          if known == '' then return end
          local e, n = parts(known)
          if e > epoch or (e == epoch and n > number) then
            epoch = math.max(epoch, e)
            renew()
          end
        end
        local function remove(entry)
          local own = fields(entry).i
          if own and redis.call('HGET', ids, own) == entry[1] then redis.call('HDEL', ids, own) end
          redis.call('XDEL', key, entry[1])
        end
        local function oldest() return redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1] end
        -- Removes what is too much; not everything at once.
        local function trim(most)
          local count, size = redis.call('XLEN', key), tonumber(fields(last).z) or 0
          for _ = 1, most do
            if not first or count == 0 then return end
            local f = fields(first)
            local tooOld = maxAge > 0 and f.m and now - tonumber(f.m) > maxAge
            local tooLarge = count > 1 and size - (tonumber(f.z) or 0) + #(f.e or '') > maxSize
            if count <= maxCount and not tooOld and not tooLarge then return end
            remove(first)
            count = count - 1
            first = oldest()
          end
        end

        """;

    /// <summary>
    /// Adds events. ARGV: the place that this node has seen last, the place after which one of these events may have been added
    /// already, by an attempt whose answer was lost; then the id, the tag and the JSON of each. Returns the epoch, and for each
    /// event its number, or 0 if its id is in use, or has the form of a place of this epoch.
    /// </summary>
    public const string Append = Common + """
        -- A script is not undone: what would be refused later is to be refused now.
        redis.call('HLEN', ids)
        check(ARGV[5])
        local known = {}
        if ARGV[6] ~= '' then
          local e, n = parts(ARGV[6])
          local from = '(' .. id(e == epoch and n or 0)
          while true do
            local page = redis.call('XRANGE', key, from, '+', 'COUNT', 500)
            for _, entry in ipairs(page) do
              local tag = fields(entry).t
              if tag then
                local _, at = parts(entry[1])
                known[tag] = at
              end
            end
            if #page < 500 then break end
            from = '(' .. page[#page][1]
          end
        end
        local ownForm = '^' .. text(epoch) .. '%-%d+'
        local size = tonumber(fields(last).z) or 0
        local prior = last and last[1] == id(number) and fields(last).t or ''
        local result, told, length, added = { text(epoch) }, {}, 0, 0
        for i = 7, #ARGV, 3 do
          local own, tag, json = ARGV[i], ARGV[i + 1], ARGV[i + 2]
          local at = known[tag]
          if not at and own ~= '' then
            local there = redis.call('HGET', ids, own)
            -- One that a place could have: nobody could resume by it.
            if string.match(own, ownForm .. '$') or string.match(own, ownForm .. '%-%w+$') then at = 0 end
            if there and #redis.call('XRANGE', key, there, there) > 0 then at = 0 end
          end
          if not at then
            number = number + 1
            at = number
            size = size + #json
            if own == '' then
              redis.call('XADD', key, id(at), 'e', json, 't', tag, 'm', text(now), 'z', text(size))
            else
              redis.call('XADD', key, id(at), 'e', json, 't', tag, 'm', text(now), 'z', text(size), 'i', own)
              redis.call('HSET', ids, own, id(at))
            end
            added = added + 1
            length = length + #json
            if length <= 65536 then told[#told + 1] = tag .. ' ' .. #json .. '\n' .. json end
          end
          result[#result + 1] = text(at)
        end
        if added > 0 then
          -- Who is told of large events without them reads them.
          if #told < added then told = {} end
          redis.pcall('PUBLISH', channel, id(number) .. ' ' .. prior .. '\n' .. table.concat(told))
          last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
          first = first or oldest()
          pcall(trim, #ARGV + 100)
        end
        return result
        """;

    /// <summary>
    /// Reads events. ARGV: the place after which to read, or nothing; how many of the newest to begin with where there is no
    /// place; how many at most; whether this node has seen the place; how many bytes at most. Returns the newest place, the time,
    /// and the entries, of which the first is that of the place itself if it is there.
    /// </summary>
    public const string Read = Common + """
        if ARGV[8] == '1' then check(ARGV[5]) end
        -- Reading goes on where Redis takes no writes.
        pcall(trim, 100)
        local from = 1
        if ARGV[5] ~= '' then
          local e, n = parts(ARGV[5])
          if e == epoch and n <= number then from = n end
        elseif ARGV[6] ~= '' then
          from = number - tonumber(ARGV[6]) + 1
        end
        local found, bytes, most, at = {}, 0, tonumber(ARGV[7]), id(math.max(from, 0))
        while #found < most do
          local page = redis.call('XRANGE', key, at, id(number), 'COUNT', math.min(16, most - #found))
          for _, entry in ipairs(page) do
            bytes = bytes + #(fields(entry).e or '')
            -- The place itself, and one event in any case.
            if #found >= 2 and bytes > tonumber(ARGV[9]) then return { id(number), text(now), found } end
            found[#found + 1] = entry
          end
          if #page < 16 then break end
          at = '(' .. page[#page][1]
        end
        return { id(number), text(now), found }
        """;

    /// <summary>Begins a new epoch if there is none since the one that is given. Returns the newest place.</summary>
    public const string Renew = Common + """
        if text(epoch) == ARGV[5] then renew() end
        return id(number)
        """;

    /// <summary>Removes events up to a place, some at a time. Returns how many it has removed.</summary>
    public const string Trim = Common + """
        local e, n = parts(ARGV[5])
        local removed = 0
        while e == epoch and first and removed < 1000 do
          local of, at = parts(first[1])
          if of == epoch and at > n then break end
          remove(first)
          removed = removed + 1
          first = oldest()
        end
        return removed
        """;
}
