# Runs the examples of the repository, each against the program.
function(example name)
  add_test(NAME example_${name} COMMAND Python3::Interpreter
    "${CMAKE_CURRENT_SOURCE_DIR}/examples.py"
    "${hrinet_EXECUTABLE}" "${CMAKE_CURRENT_BINARY_DIR}/examples" ${ARGN})
  set_tests_properties(example_${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1200
    RESOURCE_LOCK examples ENVIRONMENT "OMP_WAIT_POLICY=PASSIVE;OMP_NUM_THREADS=2")
endfunction()

target_compile_options(resample_raw PRIVATE ${warnings})
example(raw raw $<TARGET_FILE:resample_raw>)
if(TARGET itk_resample)
  example(itk itk $<TARGET_FILE:itk_resample>)
  example(itk_nifti itk $<TARGET_FILE:itk_resample> "${HRINET_CT}/test/sts003.nii.gz")
  example(itk_dicom itk $<TARGET_FILE:itk_resample> "${root}/.samples/dicom/pat_4")
endif()
