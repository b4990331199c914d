"""Scene with Slicer's own logics, as the application sets it up at its start; no windows."""

import tempfile
import types

import slicer
import vtk


def start():
    """Sets `slicer.mrmlScene`, `slicer.app`, `slicer.modules`; returns the application logic."""
    # slicer-core lacks the terminology files, and logs that at length.
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    scene, application = slicer.vtkMRMLScene(), slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    application.SetTemporaryPath(tempfile.mkdtemp(prefix="slicer-tests-"))
    application.SetSliceLogics(vtk.vtkCollection())
    application.SetViewLogics(vtk.vtkCollection())
    logics = {
        "colors": slicer.vtkMRMLColorLogic(),
        "volumes": slicer.vtkSlicerVolumesLogic(),
        "terminologies": slicer.vtkSlicerTerminologiesModuleLogic(),
        "subjecthierarchy": slicer.vtkSlicerSubjectHierarchyModuleLogic(),
        "segmentations": slicer.vtkSlicerSegmentationsModuleLogic(),
        "sequences": slicer.vtkSlicerSequencesLogic(),
    }
    # Names by which the engine of CLI modules and the segmentations look for each other.
    names = {"subjecthierarchy": "SubjectHierarchy"}
    for name, logic in logics.items():
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        application.SetModuleLogic(names.get(name, name.capitalize()), logic)
    logics["colors"].AddDefaultColorNodes()
    # Without a cache manager and the class of its nodes the engine of CLI modules crashes.
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(application.GetTemporaryPath())
    cache.SetMRMLScene(scene)
    scene.SetCacheManager(cache)
    scene.RegisterNodeClass(slicer.vtkMRMLCommandLineModuleNode())
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
    slicer.mrmlScene = scene
    slicer.modules = types.SimpleNamespace(
        **{
            name: types.SimpleNamespace(logic=lambda logic=logic: logic)
            for name, logic in logics.items()
        }
    )
    slicer.app = types.SimpleNamespace(
        applicationLogic=lambda: application,
        temporaryPath=application.GetTemporaryPath(),
        slicerUserSettingsFilePath=application.GetTemporaryPath() + "/Slicer.ini",
        processEvents=lambda: None,
        testingEnabled=lambda: True,
        topLevelWidgets=lambda: [],
        connect=lambda signal, slot: None,
    )
    return application
