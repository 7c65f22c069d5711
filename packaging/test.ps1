# Sets everything up and runs the whole suite. Whatever is given goes to pytest.
$ErrorActionPreference = 'Stop'
$Root = Split-Path -Parent $PSScriptRoot
$Lock = 'requirements-dev.txt'
. (Join-Path $PSScriptRoot 'setup.ps1')
Invoke-SetUp
Set-Location $Root
& $Python -m pytest @args
exit $LASTEXITCODE
