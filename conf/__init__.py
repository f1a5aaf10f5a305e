"""The configuration groups: YAML files only. This module makes them findable as `pkg://rackrisk.conf`."""
