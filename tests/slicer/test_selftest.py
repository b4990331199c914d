"""The module's own test, which also runs in Slicer."""

import unittest

from HRINetResampleLib import selftest


def test_the_modules_own_test():
    loaded = unittest.defaultTestLoader.loadTestsFromTestCase(selftest.HRINetResampleTest)
    result = unittest.TestResult()
    loaded.run(result)
    assert result.testsRun >= 3
    assert result.wasSuccessful(), "\n".join(text for _, text in result.errors + result.failures)


def test_run_test_runs_all_of_them():
    test = selftest.HRINetResampleTest()
    ran = []
    names = [name for name in dir(test) if name.startswith("test_")]
    for name in names:
        setattr(test, name, lambda name=name: ran.append(name))
    test.runTest()
    assert sorted(ran) == sorted(names)
