# Debian packages, one a component:
#
#   cmake --preset deb && cmake --build --preset deb && (cd build/deb && cpack)
#
# Their libraries' packages are found by dpkg-shlibdeps; what is linked statically needs none.
set(REEVE_PACKAGER "Reeve developers <reeve@localhost>" CACHE STRING
    "Maintainer field of the Debian packages")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME reeve)
set(CPACK_PACKAGE_VENDOR Reeve)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL ctld noded dbd client)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${REEVE_PACKAGER})
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# The first line of a description is what package lists show.
set(reeve_package_about "Reeve allots a cluster's nodes to batch jobs and parallel programs. It has
Slurm's commands, #SBATCH lines, SLURM_* variables and slurm.conf, so that
scripts and habits work unchanged.
")

# reeve_package(ctld "summary" "what this package is" extra dependencies...)
macro(reeve_package component summary text)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME reeve-${component})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${reeve_package_about}\n${text}")
  string(JOIN ", " CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS munge ${ARGN})
endmacro()

# Maintainer scripts of a package with a daemon. REEVE_PURGED: folders that go when it is purged.
function(reeve_maintainer_scripts component REEVE_UNIT REEVE_PURGED)
  set(REEVE_PACKAGE reeve-${component})
  set(folder ${CMAKE_BINARY_DIR}/deb/${component})
  foreach(script postinst prerm postrm)
    configure_file(${CMAKE_SOURCE_DIR}/cmake/deb/${script}.in ${folder}/${script} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endforeach()
  file(WRITE ${folder}/conffiles "/etc/logrotate.d/${REEVE_PACKAGE}\n")
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA
      "${folder}/postinst;${folder}/prerm;${folder}/postrm;${folder}/conffiles" PARENT_SCOPE)
endfunction()

set(reeve_sysusers "systemd | systemd-standalone-sysusers" "systemd | systemd-standalone-tmpfiles")
reeve_package(ctld "Slurm-compatible workload manager: the controller"
  "This package has reevectld, which keeps the job queue and the states of
nodes and decides what runs where." ${reeve_sysusers})
reeve_maintainer_scripts(ctld reevectld.service "")

reeve_package(noded "Slurm-compatible workload manager: the node daemon"
  "This package has reevenoded and reeve-stepd, which run jobs on a compute
node, and reeve-pmixd, through which MPI programs started by srun find
each other." ${reeve_sysusers})
reeve_maintainer_scripts(noded reevenoded.service /var/spool/reevenoded)

reeve_package(dbd "Slurm-compatible workload manager: accounting"
  "This package has reevedbd, which keeps the records that sacct prints." ${reeve_sysusers})
reeve_maintainer_scripts(dbd reevedbd.service "")

reeve_package(client "Slurm-compatible workload manager: the commands"
  "This package has reeve, sbatch, srun, salloc, squeue, sinfo, scancel,
scontrol, sacct and sprio.")
# The same command names: both cannot be installed.
set(CPACK_DEBIAN_CLIENT_PACKAGE_CONFLICTS slurm-client)
set(CPACK_DEBIAN_CLIENT_PACKAGE_REPLACES slurm-client)
set(CPACK_DEBIAN_CLIENT_PACKAGE_PROVIDES slurm-client)

include(CPack)
