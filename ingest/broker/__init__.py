"""The embedded broker: amqtt behind a gate that checks who connects before amqtt sees a byte.

``connect`` reads the first packet, ``gate`` listens, times, bounds and cuts connections, ``embedded`` joins both.
Any other broker does as well; nothing here is promised to the protocol.
"""
