"""Brokers: the embedded one, and how others are set up and spoken to.

The embedded broker is amqtt behind a gate that checks who connects before amqtt sees a byte: ``connect`` reads the
first packet, ``packets`` publications, ``reader`` bounds and times what comes, ``gate`` decides and cuts, ``embedded``
joins them, ``inprocess`` is a service's ear in the same process. ``mosquitto`` and ``nats`` write those brokers'
configurations; ``doors`` lets devices in and puts them out on any of the three. ``shards`` divides devices among
servers, ``certificates`` and ``client`` are what connections are made with. Nothing here is promised to the protocol.
"""
