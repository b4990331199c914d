"""The self-test of the module, which also runs in Slicer."""

import unittest

from HRINetResampleLib import selftest


def test_self_test_passes():
    loaded = unittest.defaultTestLoader.loadTestsFromTestCase(selftest.HRINetResampleTest)
    result = unittest.TestResult()
    loaded.run(result)
    assert result.testsRun >= 3
    assert result.wasSuccessful(), "\n".join(text for _, text in result.errors + result.failures)


def test_run_test_runs_every_test():
    test = selftest.HRINetResampleTest()
    ran = []
    names = [name for name in dir(test) if name.startswith("test_")]
    for name in names:
        setattr(test, name, lambda name=name: ran.append(name))
    test.runTest()
    assert sorted(ran) == sorted(names)
