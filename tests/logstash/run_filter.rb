# SPDX-License-Identifier: GPL-2.0-or-later
# A file of Logstash's ruby filter, run by plain Ruby: JSON lines in, what it makes of each out.
#
#   ruby run_filter.rb SCRIPT [PARAMETERS as JSON] <lines
#
# Of Logstash's event there is what such a file may use, as strict as Logstash is: references as
# "[a][b]" or "a.b", a member of that very name; values of JSON and timestamps, nothing else.
require "json"
require "time"

module LogStash
  class Timestamp
    attr_reader :time

    def self.at(seconds, microseconds = 0)
      new(Time.at(seconds, microseconds).utc)
    end

    # Without an offset Logstash takes the zone of its machine.
    def self.coerce(text)
      new(Time.parse(text).utc)
    end

    def initialize(time)
      @time = time
    end

    def to_s
      @time.strftime("%Y-%m-%dT%H:%M:%S.%6NZ")
    end

    def to_json(*)
      to_s.to_json
    end
  end

  class Event
    VALUES = [String, Integer, Float, TrueClass, FalseClass, NilClass, Timestamp].freeze

    def initialize(fields)
      @fields = fields
      @fields["@timestamp"] = Timestamp.coerce(@fields["@timestamp"]) if @fields["@timestamp"]
      # Logstash keeps what the line says.
      @fields["@version"] ||= "1"
      @metadata = {}
    end

    def get(reference)
      *path, name = names(reference)
      path.reduce(root(path)) { |inner, key| inner[key] || {} }[name]
    end

    def set(reference, value)
      check(value)
      *path, name = names(reference)
      path.reduce(root(path)) { |inner, key| inner[key] ||= {} }[name] = value
    end

    def to_hash
      @fields.merge("@metadata" => @metadata)
    end

    private

    def root(path)
      path.first == "@metadata" ? { "@metadata" => @metadata } : @fields
    end

    def names(reference)
      raise ArgumentError, "a reference is a text" unless reference.is_a?(String)
      return [reference] unless reference.start_with?("[")

      parts = reference.scan(/\[([^\[\],]+)\]/).flatten
      whole = parts.map { |one| "[#{one}]" }.join == reference
      raise ArgumentError, "bad reference #{reference}" unless whole

      parts
    end

    def check(value)
      return value.each { |one| check(one) } if value.is_a?(Array)
      return value.each { |key, one| check(key) && check(one) } if value.is_a?(Hash)

      known = VALUES.any? { |one| value.is_a?(one) }
      raise ArgumentError, "no value of an event: #{value.class}" unless known

      true
    end
  end
end

path, parameters = ARGV
script = Object.new
script.instance_eval(File.read(path), path, 1)
script.register(JSON.parse(parameters || "{}"))
$stdin.each_line do |line|
  events = script.filter(LogStash::Event.new(JSON.parse(line)))
  raise "filter() gives an array" unless events.is_a?(Array)

  puts JSON.generate(events.map(&:to_hash))
end
