# What is installed beside the programs. The programs themselves have their install() lines next to
# their targets; components are the Debian packages of ReevePackages.cmake: ctld, noded, dbd, client.
#
#   <prefix>/bin            reeve, and sbatch ... sprio as links to it
#   <prefix>/sbin           reevectld, reevenoded (looks for reeve-stepd and reeve-pmixd beside itself), reevedbd
#   <prefix>/lib            systemd units, sysusers and tmpfiles snippets
#   <prefix>/share          documentation, the sample configuration, shell completion
#   /etc/logrotate.d        <prefix>/etc/logrotate.d for prefixes other than /usr and /usr/local
set(REEVE_COMMANDS sbatch srun salloc squeue sinfo scancel scontrol sacct sprio)
set(reeve_etc ${CMAKE_SOURCE_DIR}/etc)

# A unit names its program by full path. That is known only when it is installed: `cmake --install
# --prefix` and CPack may choose another prefix than the configure step did.
function(reeve_install_unit daemon component)
  install(CODE "
    set(REEVE_SBIN_DIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
    set(REEVE_DOC_DIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/doc/reeve-${component}\")
    configure_file(\"${reeve_etc}/systemd/${daemon}.service.in\"
                   \"${CMAKE_BINARY_DIR}/etc/${daemon}.service\" @ONLY)
    file(INSTALL \"${CMAKE_BINARY_DIR}/etc/${daemon}.service\"
         DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
  " COMPONENT ${component})
endfunction()

# The system's logrotate reads /etc only; a private prefix keeps its copy to itself.
function(reeve_install_logrotate component)
  install(CODE "
    set(folder \"\${CMAKE_INSTALL_PREFIX}/etc/logrotate.d\")
    if(CMAKE_INSTALL_PREFIX MATCHES \"^/usr(/local)?/?$\")
      set(folder /etc/logrotate.d)
    endif()
    file(INSTALL \"${reeve_etc}/logrotate.d/reeve-${component}\" DESTINATION \"\${folder}\")
  " COMPONENT ${component})
endfunction()

function(reeve_install_documents component)
  install(FILES ${ARGN} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/reeve-${component}
          COMPONENT ${component})
  install(FILES ${CMAKE_SOURCE_DIR}/cmake/deb/copyright
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/reeve-${component} COMPONENT ${component})
endfunction()

function(reeve_install_daemon daemon component)
  reeve_install_unit(${daemon} ${component})
  reeve_install_logrotate(${component})
  # One source; a name for each package, since two packages may not own one file.
  install(FILES ${reeve_etc}/sysusers.d/reeve.conf DESTINATION lib/sysusers.d
          RENAME reeve-${component}.conf COMPONENT ${component})
  install(FILES ${reeve_etc}/tmpfiles.d/reeve-${component}.conf DESTINATION lib/tmpfiles.d
          COMPONENT ${component})
  reeve_install_documents(${component} ${CMAKE_SOURCE_DIR}/docs/admin.md)
endfunction()

reeve_install_daemon(reevectld ctld)
reeve_install_daemon(reevenoded noded)
reeve_install_daemon(reevedbd dbd)
install(FILES ${reeve_etc}/slurm.conf.sample DESTINATION ${CMAKE_INSTALL_DATADIR}/reeve
        COMPONENT ctld)

reeve_install_documents(client ${CMAKE_SOURCE_DIR}/docs/coming-from-slurm.md)
# bash-completion loads a file by the command's name.
set(reeve_completions ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${reeve_etc}/bash-completion/reeve DESTINATION ${reeve_completions}
        COMPONENT client)
foreach(command ${REEVE_COMMANDS})
  install(CODE "file(CREATE_LINK reeve
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${reeve_completions}/${command}\" SYMBOLIC)"
    COMPONENT client)
endforeach()
