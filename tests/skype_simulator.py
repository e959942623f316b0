#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Skype of 2006 and 2015, simulated: captures of starts, calls and transfers, with their truth.

    skype_simulator.py [--seed N] FOLDER [SCENARIO...]

Writes, for each scenario (all of them by default), SCENARIO.pcap; SCENARIO.truth.csv, one row a
flow: proto, ip_a, port_a, ip_b, port_b, packets, bytes, label, certainty, reason (View.truth() says
what they mean); and SCENARIO.calls.json: what calls and transfers it holds, as far as somebody on
that link can know. The same seed gives the same bytes.
"""

import argparse
import json
import pathlib

import skype_calls
import skype_nodes

SCENARIOS = {**skype_nodes.STARTS, **skype_calls.CALLS}


def build(name, seed=1):
    """The views of a scenario by name, each with its `calls`."""
    world = skype_nodes.World(seed)
    views = SCENARIOS[name](world) or {name: world.view()}
    world.network.run()
    for view in views.values():
        view.calls = skype_calls.records(world.calls, view)
    return views


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('scenario', nargs='*', default=[*SCENARIOS],
                        metavar='SCENARIO', help=', '.join(SCENARIOS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.scenario:
        for part, view in build(name, arguments.seed).items():
            path = arguments.folder / part
            view.write(f'{path}.pcap')
            view.write_truth(f'{path}.truth.csv')
            with open(f'{path}.calls.json', 'w') as out:
                json.dump(view.calls, out, indent=1)
                out.write('\n')


if __name__ == '__main__':
    main()
