# Sets everything up and runs the whole suite, in two processes. Whatever is given goes to pytest
# instead.
$ErrorActionPreference = 'Stop'
$Root = Split-Path -Parent $PSScriptRoot
$Lock = 'requirements-dev.txt'
. (Join-Path $PSScriptRoot 'setup.ps1')
Invoke-SetUp
Set-Location $Root
$Arguments = if ($args.Count) { $args } else { @('-n', '2', '--dist', 'loadfile') }
& $Python -m pytest @Arguments
exit $LASTEXITCODE
