"""SIGTERM and SIGHUP while a plant is at work: nothing that was acknowledged is lost, QoS 2 comes
once, and a reload closes nobody."""

import random

from broker import Broker, run_tests
from plant import Plant

CONFIG = ('[listeners.default]\nbind = "127.0.0.1:{port}"\n'
          "[storage]\nwill_grace_s = 1\n[mqtt]\nreceive_maximum = %d\n")


def check(plant):
    print(f"  {plant.summary()}")
    lost, problems = plant.verdict()
    assert not lost + problems, (lost + problems)[:20]


def test_a_stop_in_the_middle_of_the_load_loses_nothing():
    with Broker(CONFIG % 256) as broker:
        plant = Plant(broker, random.Random(1))
        for acks in (50, 800, 1500):
            plant.run(acks)
            plant.stop()
            plant.come_back()
            plant.settle()
        check(plant)


def test_reloads_in_the_middle_of_the_load_close_nobody():
    with Broker(CONFIG % 256) as broker:
        plant = Plant(broker, random.Random(2))
        for number in range(10):
            plant.run(100)
            broken = number % 3 == 2
            broker.write_config("receive_maximum = [" if broken else CONFIG % (250 + number))
            broker.hang_up()
            broker.wait_for("reload_refused" if broken else "reloaded")
        plant.settle(patience_for_all=False)
        check(plant)


if __name__ == "__main__":
    run_tests(globals())
